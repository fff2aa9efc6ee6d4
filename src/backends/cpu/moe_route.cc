// moe_route by what its reference runs per row: the choice must be the same everywhere, and costs a
// thousandth of the experts' work.

#include "ops/moe_route.h"

#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"

namespace tern {
namespace {

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  const int64_t columns = c.input(0).type.shape[1];
  TERN_TRY(const MoeRouteForm form, ParseMoeRoute(c.node.attrs, columns));
  const auto experts = static_cast<size_t>(columns);
  std::shared_ptr<const float> bias;
  if (form.has_bias) bias = c.weights.Floats(c.input(1));
  return MakeRowStep(MoeRouteScratch(experts) * sizeof(double),
                     [form, experts, bias](const OpArgs& args, int64_t r, const StepMemory& memory) {
                       const auto row = static_cast<size_t>(r);
                       MoeRouteRow(form, {args.inputs[0].f32() + row * experts, experts}, bias.get(),
                                   static_cast<double*>(memory.scratch),
                                   static_cast<int32_t*>(args.outputs[0].data) + row * form.top_k,
                                   args.outputs[1].f32() + row * form.top_k);
                     });
}

}  // namespace
extern const CpuOpDesc k_cpuop_moe_route;
const CpuOpDesc k_cpuop_moe_route = {
    .name = "moe_route", .supports = SupportsAny, .prepare = Prepare, .row_wise = true};
}  // namespace tern
