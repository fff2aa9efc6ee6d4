// The backend of docs/adding-a-backend.md: it runs a small graph and agrees with the CPU.

#include <gtest/gtest.h>

// ---- src/backends/slow/backend.cc
#include "backends/backend.h"
#include "backends/check_batch.h"
#include "graph/run_reference.h"

namespace tern {
namespace {

class SlowPlan : public Plan {
 public:
  SlowPlan(const Graph& graph, const StepLimits& limits) : graph_(graph), rules_(RulesOf(graph, limits)) {}

  Status Run(const Batch& batch, KvStore* kv) override {
    TERN_TRY_STATUS(CheckBatch(batch, kv, rules_));
    TERN_TRY(outputs_, RunReference(graph_, {batch, kv, {}}));
    return {};
  }
  std::span<const float> Output(size_t i) const override { return outputs_[i]; }
  PlanBytes bytes() const override { return {}; }
  PlanOps ops() const override { return {}; }

 private:
  const Graph& graph_;
  const BatchRules rules_;
  std::vector<std::vector<float>> outputs_;
};

class SlowBackend : public Backend {
 public:
  std::string_view name() const override { return "slow"; }
  std::string description() const override { return "slow, the references of the ops"; }
  bool Supports(const OpKey&) const override { return false; }  // fused ops would gain nothing here
  Result<std::unique_ptr<Plan>> Prepare(const Graph& graph, const StepLimits& limits,
                                        const WeightFiles&) override {
    TERN_TRY_STATUS(Verify(graph));
    return std::unique_ptr<Plan>(std::make_unique<SlowPlan>(graph, limits));
  }
};

bool Present() { return true; }

Result<std::unique_ptr<Backend>> Open(const BackendOptions&) {
  return std::unique_ptr<Backend>(std::make_unique<SlowBackend>());
}

}  // namespace
extern const BackendDesc k_backend_slow;
const BackendDesc k_backend_slow = {
    .name = "slow", .summary = "the references of the ops", .present = Present, .open = Open};
}  // namespace tern
// ----

namespace tern {
namespace {

TEST(AddingABackend, TheExampleAgreesWithTheCpu) {
  std::vector<float> table(5 * 8);
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i % 7) - 3;
  const std::vector<int32_t> tokens = {4, 1, 1}, positions = {0, 1, 2}, none;
  Graph graph;
  const ValueId ids = graph.AddInput("tokens", {Elem::kI32, {kDimTokens}});
  const ValueId x =
      graph.Add(*FindOp("embed"), {ids, graph.AddWeight("t", {&F32(), {5, 8}, table.data()})}).value()[0];
  graph.AddOutput(graph.Add(*FindOp("add"), {x, x}).value()[0]);

  const Batch batch = {tokens, positions, none, {}};
  std::vector<std::vector<float>> results;
  for (const BackendDesc* desc : {&k_backend_slow, AllBackends().front()}) {
    auto backend = desc->open({.threads = 1}).value();
    auto plan = backend->Prepare(graph, {.tokens = 3, .outputs = 1}).value();
    ASSERT_TRUE(plan->Run(batch, nullptr).ok());
    results.emplace_back(plan->Output(0).begin(), plan->Output(0).end());
    const std::vector<int32_t> four(4, 0);
    EXPECT_FALSE(plan->Run({four, four, none, {}}, nullptr).ok()) << "more rows than the plan was made for";
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0].size(), 24u);
}

}  // namespace
}  // namespace tern
