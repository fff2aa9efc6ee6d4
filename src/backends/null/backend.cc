// A device that computes nothing: it takes memory, checks what it is given, and returns zeros. What a step
// takes here is what everything around the device costs. Start a new backend from a copy of this file.

#include "backends/backend.h"

#include "backends/check_batch.h"

namespace tern {
namespace {

class NullPlan : public Plan {
 public:
  NullPlan(const Graph& graph, const StepLimits& limits) : rules_(RulesOf(graph, limits)) {
    const ArenaPlan arena = PlanArena(graph, limits);
    arena_ = Buffer(arena.bytes);
    for (const ValueId id : graph.outputs()) {
      const ValueType& type = graph.value(id).type;
      results_.push_back({type.shape[0], type.shape.back(),
                          std::vector<float>(ValueBytes(type, limits) / sizeof(float), 0.f)});
    }
  }

  Status Run(const Batch& batch, KvStore* kv) override {
    TERN_TRY_STATUS(CheckBatch(batch, kv, rules_));
    for (Rows& result : results_) {
      if (result.row_dim == kDimTokens) result.rows = batch.rows();
      if (result.row_dim == kDimOutputs) result.rows = batch.outputs();
    }
    return {};
  }
  std::span<const float> Output(size_t i) const override {
    const Rows& result = results_[i];
    return std::span(result.zeros).first(static_cast<size_t>(result.rows * result.columns));
  }
  PlanBytes bytes() const override { return {.weights = 0, .arena = arena_.bytes(), .step_weights = 0}; }
  PlanOps ops() const override { return {}; }

 private:
  struct Rows {
    int64_t row_dim;  // T, R or a number
    int64_t columns;
    std::vector<float> zeros;
    int64_t rows = row_dim;
  };
  BatchRules rules_;
  Buffer arena_;
  std::vector<Rows> results_;
};

class NullBackend : public Backend {
 public:
  std::string_view name() const override { return "null"; }
  std::string description() const override { return "null, computes nothing"; }
  // Everything, so that passes make the graph that a device with every fused op would run.
  bool Supports(const OpKey&) const override { return true; }
  Result<std::unique_ptr<Plan>> Prepare(const Graph& graph, const StepLimits& limits,
                                        const WeightFiles&) override {
    TERN_TRY_STATUS(Verify(graph));
    return std::unique_ptr<Plan>(std::make_unique<NullPlan>(graph, limits));
  }
};

bool Present() { return true; }

Result<std::unique_ptr<Backend>> Open(const BackendOptions&) {
  return std::unique_ptr<Backend>(std::make_unique<NullBackend>());
}

}  // namespace
extern const BackendDesc k_backend_null;
const BackendDesc k_backend_null = {
    .name = "null",
    .summary = "computes nothing; shows what everything around a device costs",
    .computes = false,
    .present = Present,
    .open = Open};
}  // namespace tern
