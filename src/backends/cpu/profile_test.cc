// Profiled steps: the same results, times that fit into each other, bytes that are those of the packed
// weights.

#include <gtest/gtest.h>

#include <cstring>

#include "backends/test_graph.h"

namespace tern {
namespace {

constexpr StepLimits kLimits{.tokens = 24, .outputs = 24};

std::vector<TestBatch::Sequence> One(int rows) { return {{.rows = rows}}; }

// Two fused row-wise nodes, a linear, an op of its own stage, a linear of output rows, experts in phases.
void Build(TestGraph& g) {
  const ValueId x = g.Op("quantize", {g.Op("rms_norm", {g.Rows(64), g.Weight({64})}, {{"eps", 1e-5}})},
                         {{"precise", int64_t{1}}});
  const ValueId y = g.Op("linear", {x, g.Weight({96, 64}, "q8_0")});
  g.Output(g.Op("linear", {g.Op("take_rows", {y, g.output_rows()}), g.Weight({32, 96}, "f32")}));
  const auto route = g.Ops("moe_route", {g.Rows(4)}, {{"top_k", int64_t{3}}});
  g.Output(
      g.Op("moe_mlp",
           {g.Rows(32), route[0], route[1], g.Weight({4, 8, 32}), g.Weight({4, 8, 32}), g.Weight({4, 32, 8})},
           {{"act", "silu"}}));
}

class Profile : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    Build(graph_);
    backend_ = OpenBackend("cpu", {.threads = GetParam()}).value();
    plan_ = backend_->Prepare(graph_.graph(), kLimits).value();
  }
  TestGraph graph_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Plan> plan_;
};

TEST_P(Profile, GivesTheBitsOfARunWithoutOne) {
  StepProfile profile(plan_->layout());
  for (const int rows : {1, 7, 24}) {
    const TestBatch batch(One(rows));
    ASSERT_TRUE(plan_->Run(batch.batch(), nullptr).ok());
    std::vector<std::vector<float>> want;
    for (size_t i = 0; i < 2; ++i) want.emplace_back(plan_->Output(i).begin(), plan_->Output(i).end());
    ASSERT_TRUE(plan_->Profile(batch.batch(), nullptr, &profile).ok());
    for (size_t i = 0; i < 2; ++i) {
      ASSERT_EQ(plan_->Output(i).size(), want[i].size());
      EXPECT_EQ(std::memcmp(plan_->Output(i).data(), want[i].data(), want[i].size() * sizeof(float)), 0);
    }
    EXPECT_EQ(profile.rows, rows);
    EXPECT_EQ(profile.outputs, batch.batch().outputs());
    ASSERT_EQ(profile.spans.size(), 1u);
    EXPECT_EQ(profile.spans[0].rows, rows);
  }
}

TEST_P(Profile, TimesFitIntoEachOther) {
  const PlanLayout layout = plan_->layout();
  ASSERT_EQ(layout.threads, GetParam());
  StepProfile profile(layout);
  const TestBatch batch(One(24));
  ASSERT_TRUE(plan_->Profile(batch.batch(), nullptr, &profile).ok());
  EXPECT_LE(profile.start, profile.bound);
  std::vector<int64_t> at(profile.threads, profile.bound);
  size_t item = 0;
  for (size_t stage = 0; stage < profile.stages; ++stage) {
    const size_t first = item;
    while (item < layout.items.size() && layout.items[item].stage == stage) ++item;
    EXPECT_GT(item, first) << stage;
    ASSERT_TRUE(profile.ran(stage)) << stage;
    for (size_t t = 0; t < profile.threads; ++t) {
      const StepProfile::Visit& visit = profile.visit(stage, t);
      EXPECT_LE(at[t], visit.begin) << stage;
      EXPECT_LE(visit.begin, visit.done) << stage;
      EXPECT_LE(visit.done, visit.left) << stage;
      int64_t busy = 0;
      for (size_t i = first; i < item; ++i) busy += profile.busy(i, t);
      EXPECT_LE(busy, visit.done - visit.begin) << stage;
      at[t] = visit.left;
    }
  }
  EXPECT_EQ(item, layout.items.size());
  for (const int64_t last : at) EXPECT_LE(last, profile.end);
}

TEST_P(Profile, EveryNodeIsInTheLayoutAndBytesAreThePackedOnes) {
  const PlanLayout layout = plan_->layout();
  const auto& nodes = graph_.graph().nodes();
  std::vector<int> phases(nodes.size(), 0);
  size_t bytes = 0;
  double int8_ops = 0;
  for (const PlanLayout::Item& item : layout.items) {
    ++phases.at(item.node);
    bytes += item.weight_bytes;
    int8_ops += item.int8_ops_per_row;
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    EXPECT_EQ(phases[i] > 1, nodes[i].op->name == "moe_mlp") << nodes[i].op->name;
    EXPECT_GE(phases[i], 1) << nodes[i].op->name;
  }
  EXPECT_EQ(bytes, plan_->bytes().step_weights);
  EXPECT_DOUBLE_EQ(int8_ops, plan_->ops().int8_per_token);
}

INSTANTIATE_TEST_SUITE_P(Threads, Profile, testing::Values(1, 2));

TEST(ProfileOfALinear, CountsItsPackedBytes) {
  TestGraph graph;
  graph.Output(graph.Op("linear", {graph.Op("quantize", {graph.Rows(64)}), graph.Weight({96, 64}, "q4_0")}));
  const auto backend = OpenBackend("cpu", {.threads = 1}).value();
  const auto plan = backend->Prepare(graph.graph(), kLimits).value();
  for (const PlanLayout::Item& item : plan->layout().items) {
    const bool linear = graph.graph().nodes()[item.node].op->name == "linear";
    EXPECT_EQ(item.weight_bytes, linear ? plan->bytes().weights : 0u);
  }
  EXPECT_GE(plan->bytes().weights, 96u * 64 / 2);
}

TEST(ProfileOfNothing, IsRefused) {
  TestGraph graph;
  graph.Output(graph.Rows(8));
  const auto plan = OpenBackend("null", {}).value()->Prepare(graph.graph(), kLimits).value();
  EXPECT_EQ(plan->layout().threads, 0);
  StepProfile profile(plan->layout());
  EXPECT_FALSE(plan->Profile(TestBatch(One(1)).batch(), nullptr, &profile).ok());
}

}  // namespace
}  // namespace tern
