#include "backends/cpu/layer_norm/layer_norm.h"

#include "backends/cpu/quantize/row_quantizer.h"
#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"
#include "base/isa.h"
#include "ops/layer_norm.h"

namespace tern {

LayerNormFn PickLayerNorm([[maybe_unused]] uint32_t have) {
#define KERNEL(isa, name) \
  if (HasIsa(isa, have)) return &name;
#include "backends/cpu/layer_norm/kernels.inc"
#undef KERNEL
  return nullptr;
}

namespace {

// The norm of row r of input 0.
class RowNorm {
 public:
  static Result<RowNorm> Make(const StepContext& c) {
    std::vector<ValueType> types;
    for (const ValueId id : c.node.inputs) types.push_back(c.graph.value(id).type);
    TERN_TRY(const LayerNormForm form, ParseLayerNorm(types, c.node.attrs));
    return RowNorm(c, form);
  }

  size_t columns() const { return columns_; }
  void operator()(const OpArgs& args, int64_t r, float* y) const {
    run_({w_.get(), b_.get(), columns_ / d_, d_, weight_step_, eps_},
         args.inputs[0].f32() + static_cast<size_t>(r) * columns_, y);
  }

 private:
  RowNorm(const StepContext& c, const LayerNormForm& form)
      : run_(PickLayerNorm(c.isa)),
        w_(c.weights.Floats(c.input(1))),
        b_(form.has_bias ? c.weights.Floats(c.input(2)) : nullptr),
        columns_(static_cast<size_t>(c.input(0).type.shape[1])),
        d_(static_cast<size_t>(form.group)),
        weight_step_(form.weights == form.group ? 0 : d_),
        eps_(static_cast<float>(form.eps)) {}

  LayerNormFn run_;
  std::shared_ptr<const float> w_, b_;
  size_t columns_, d_, weight_step_;
  float eps_;
};

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  TERN_TRY(RowNorm norm, RowNorm::Make(c));
  return MakeRowStep(0, [norm](const OpArgs& args, int64_t r, const StepMemory&) {
    norm(args, r, args.outputs[0].f32() + static_cast<size_t>(r) * norm.columns());
  });
}

Result<std::unique_ptr<CpuStep>> PrepareQuantized(const StepContext& c) {
  TERN_TRY(RowNorm norm, RowNorm::Make(c));
  return MakeRowStep(
      norm.columns() * sizeof(float),
      [norm, quantize = RowQuantizer(c)](const OpArgs& args, int64_t r, const StepMemory& memory) {
        auto* normed = static_cast<float*>(memory.scratch);
        norm(args, r, normed);
        quantize(normed, args.outputs[0], r);
      });
}

}  // namespace
extern const CpuOpDesc k_cpuop_layer_norm, k_cpuop_layer_norm_quantize;
const CpuOpDesc k_cpuop_layer_norm = {
    .name = "layer_norm", .supports = SupportsAny, .prepare = Prepare, .row_wise = true};
const CpuOpDesc k_cpuop_layer_norm_quantize = {
    .name = "layer_norm_quantize", .supports = SupportsAny, .prepare = PrepareQuantized, .row_wise = true};
}  // namespace tern
