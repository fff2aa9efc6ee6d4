// linear with likeliest=1 on the CPU: what a batch asks for is what it gets, to the bit.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/test_graph.h"

namespace tern {
namespace {

std::vector<TestBatch::Sequence> OneRow(int32_t token) { return {{.rows = 1, .tokens = {token}}}; }

struct Screened {
  TestGraph graph;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Plan> plan;

  explicit Screened(int threads) {
    const ValueId x = graph.Op("quantize", {graph.OutputRows(64)}, {{"precise", int64_t{1}}});
    graph.Output(graph.Op("linear", {x, graph.Weight({5000, 64}, "q8_0")}, {{"likeliest", int64_t{1}}}));
    backend = OpenBackend("cpu", {.threads = threads}).value();
    plan = backend->Prepare(graph.graph(), {.tokens = 8, .outputs = 8}).value();
  }
  std::vector<float> Run(const Batch& batch) {
    const Status status = plan->Run(batch, nullptr);
    EXPECT_TRUE(status.ok());
    return {plan->Output(0).begin(), plan->Output(0).end()};
  }
};

TEST(ScreenedLinear, GivesTheLikeliestAndThoseAskedFor) {
  const std::vector<int32_t> always = {0, 3, 60};
  for (const int threads : {1, 2, 3}) {
    Screened s(threads);
    for (int32_t token = 0; token < 61; ++token) {
      const TestBatch one(OneRow(token));
      const std::vector<float> whole = s.Run(one.batch());
      Batch batch = one.batch();
      const WantedLogits wanted{5, always};
      batch.likeliest = {&wanted, 1};
      const std::vector<float> some = s.Run(batch);
      std::vector<float> sorted = whole;
      for (const int32_t id : always) sorted[static_cast<size_t>(id)] = -INFINITY;
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
      for (size_t i = 0; i < whole.size(); ++i) {
        const bool must = whole[i] >= sorted[4] || i == 0 || i == 3 || i == 60;
        if (!must && some[i] == -INFINITY) continue;
        ASSERT_EQ(some[i], whole[i]) << "token " << token << " output " << i;
      }
      EXPECT_GT(std::count(some.begin(), some.end(), -INFINITY), 1000) << "token " << token;
    }
  }
}

// Rows are screened together, unless one of them wants all.
TEST(ScreenedLinear, LeavesOutOfSeveralRowsIfAllWantFew) {
  Screened s(2);
  const TestBatch three(std::vector<TestBatch::Sequence>{{.rows = 3}}, 1);
  const std::vector<float> whole = s.Run(three.batch());
  Batch batch = three.batch();
  std::vector<WantedLogits> wanted(3, WantedLogits{5, {}});
  batch.likeliest = wanted;
  const std::vector<float> some = s.Run(batch);
  const auto left_out = std::count(some.begin(), some.end(), -INFINITY);
  EXPECT_GT(left_out, 3000);
  for (size_t i = 0; i < whole.size(); ++i) {
    if (some[i] == -INFINITY) continue;
    ASSERT_EQ(some[i], whole[i]) << i;
  }
  wanted[1] = {};
  const std::vector<float> all = s.Run(batch);
  EXPECT_EQ(std::memcmp(whole.data(), all.data(), whole.size() * sizeof(float)), 0);
}

TEST(ScreenedLinear, RefusesWishesThatMakeNoSense) {
  Screened s(1);
  const TestBatch one(OneRow(0));
  Batch batch = one.batch();
  const std::vector<int32_t> unordered = {3, 1}, outside = {61};
  const std::vector<WantedLogits> two(2), back{{1, unordered}}, far{{1, outside}};
  for (const auto& [wishes, message] :
       {std::pair(&two, "2 wishes"), std::pair(&back, "out of order"), std::pair(&far, "token id 61")}) {
    batch.likeliest = *wishes;
    const Status status = s.plan->Run(batch, nullptr);
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().what.find(message), std::string::npos) << status.error().what;
  }
}

}  // namespace
}  // namespace tern
