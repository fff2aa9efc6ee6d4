#include "backends/cpu/rms_norm/rms_norm.h"

#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"
#include "base/isa.h"

namespace tern {

RmsNormFn PickRmsNorm([[maybe_unused]] uint32_t have) {
#define KERNEL(isa, name) \
  if (HasIsa(isa, have)) return &name;
#include "backends/cpu/rms_norm/kernels.inc"
#undef KERNEL
  return nullptr;
}

namespace {

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  const auto d = static_cast<size_t>(c.input(1).type.shape[0]);
  const auto columns = static_cast<size_t>(c.output(0).type.shape[1]);
  const auto eps = static_cast<float>(c.node.attrs.Float("eps"));
  return MakeRowStep(0, [norm = PickRmsNorm(c.isa), w = c.weights.Floats(c.input(1)), columns, d, eps](
                            const OpArgs& args, int64_t r, const StepMemory&) {
    const size_t at = static_cast<size_t>(r) * columns;
    norm(args.inputs[0].f32() + at, w.get(), args.outputs[0].f32() + at, columns / d, d, eps);
  });
}

}  // namespace
extern const CpuOpDesc k_cpuop_rms_norm;
const CpuOpDesc k_cpuop_rms_norm = {
    .name = "rms_norm", .supports = SupportsAny, .prepare = Prepare, .row_wise = true};
}  // namespace tern
