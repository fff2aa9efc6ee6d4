#include "backends/cpu/quantize/quantize.h"

#include "backends/cpu/quantize/row_quantizer.h"
#include "backends/cpu/rms_norm/rms_norm.h"
#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"
#include "base/isa.h"

namespace tern {

QuantizeRowFn PickQuantizeRow([[maybe_unused]] uint32_t have) {
#define KERNEL(isa, name) \
  if (HasIsa(isa, have)) return &name;
#include "backends/cpu/quantize/kernels.inc"
#undef KERNEL
  return nullptr;
}

namespace {

Result<std::unique_ptr<CpuStep>> PrepareQuantize(const StepContext& c) {
  return MakeRowStep(0, [quantize = RowQuantizer(c)](const OpArgs& args, int64_t r, const StepMemory&) {
    quantize(args.inputs[0].f32() + static_cast<size_t>(r) * quantize.columns(), args.outputs[0], r);
  });
}

Result<std::unique_ptr<CpuStep>> PrepareNormQuantize(const StepContext& c) {
  const auto d = static_cast<size_t>(c.input(1).type.shape[0]);
  const auto eps = static_cast<float>(c.node.attrs.Float("eps"));
  const RowQuantizer quantize(c);
  return MakeRowStep(quantize.columns() * sizeof(float),
                     [quantize, norm = PickRmsNorm(c.isa), w = c.weights.Floats(c.input(1)), d, eps](
                         const OpArgs& args, int64_t r, const StepMemory& memory) {
                       const size_t columns = quantize.columns();
                       const float* x = args.inputs[0].f32() + static_cast<size_t>(r) * columns;
                       auto* normed = static_cast<float*>(memory.scratch);
                       norm(x, w.get(), normed, columns / d, d, eps);
                       quantize(normed, args.outputs[0], r);
                     });
}

}  // namespace
extern const CpuOpDesc k_cpuop_quantize, k_cpuop_rms_norm_quantize;
const CpuOpDesc k_cpuop_quantize = {
    .name = "quantize", .supports = SupportsAny, .prepare = PrepareQuantize, .row_wise = true};
const CpuOpDesc k_cpuop_rms_norm_quantize = {
    .name = "rms_norm_quantize", .supports = SupportsAny, .prepare = PrepareNormQuantize, .row_wise = true};
}  // namespace tern
