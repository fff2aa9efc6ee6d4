#include "ops/hadamard.h"

#include <algorithm>

#include "backends/cpu/step.h"

namespace tern {
namespace {

Result<std::unique_ptr<CpuStep>> Prepare(const StepContext& c) {
  const auto columns = static_cast<size_t>(c.output(0).type.shape[1]);
  const auto group = static_cast<size_t>(c.node.attrs.Int("group"));
  return MakeRowStep(0, [columns, group](const OpArgs& args, int64_t r, const StepMemory&) {
    const float* x = args.inputs[0].f32() + static_cast<size_t>(r) * columns;
    float* y = args.outputs[0].f32() + static_cast<size_t>(r) * columns;
    if (x != y) std::copy_n(x, columns, y);
    for (size_t first = 0; first < columns; first += group) Hadamard(y + first, group);
  });
}

}  // namespace
extern const CpuOpDesc k_cpuop_hadamard;
const CpuOpDesc k_cpuop_hadamard = {
    .name = "hadamard", .supports = SupportsAny, .prepare = Prepare, .row_wise = true};
}  // namespace tern
