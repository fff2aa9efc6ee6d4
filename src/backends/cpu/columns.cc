// Ops that move columns: slice, concat, take_columns.

#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"

namespace tern {
namespace {

void Copy(float* to, const float* from, size_t columns) { std::memcpy(to, from, columns * sizeof(float)); }

Result<std::unique_ptr<CpuStep>> PrepareSlice(const StepContext& c) {
  const auto groups = static_cast<size_t>(c.node.attrs.Int("groups", 1));
  const auto start = static_cast<size_t>(c.node.attrs.Int("start"));
  const auto width = static_cast<size_t>(c.node.attrs.Int("width"));
  const size_t columns = static_cast<size_t>(c.input(0).type.shape[1]) / groups;
  return MakeRowStep(0, [=](const OpArgs& args, int64_t r, const StepMemory&) {
    const size_t first = static_cast<size_t>(r) * groups;
    for (size_t g = first; g < first + groups; ++g) {
      Copy(args.outputs[0].f32() + g * width, args.inputs[0].f32() + g * columns + start, width);
    }
  });
}

Result<std::unique_ptr<CpuStep>> PrepareConcat(const StepContext& c) {
  const auto groups = static_cast<size_t>(c.node.attrs.Int("groups", 1));
  const bool broadcast = c.node.attrs.Int("broadcast", 0) != 0;
  const size_t m = static_cast<size_t>(c.input(0).type.shape[1]) / groups;
  const size_t n = static_cast<size_t>(c.input(1).type.shape[1]) / (broadcast ? 1 : groups);
  return MakeRowStep(0, [=](const OpArgs& args, int64_t r, const StepMemory&) {
    const auto row = static_cast<size_t>(r);
    for (size_t g = row * groups; g < (row + 1) * groups; ++g) {
      float* out = args.outputs[0].f32() + g * (m + n);
      Copy(out, args.inputs[0].f32() + g * m, m);
      Copy(out + m, args.inputs[1].f32() + (broadcast ? row : g) * n, n);
    }
  });
}

Result<std::unique_ptr<CpuStep>> PrepareTakeColumns(const StepContext& c) {
  const std::shared_ptr<const float> numbers = c.weights.Floats(c.input(1));
  const auto columns = static_cast<size_t>(c.input(0).type.shape[1]);
  std::vector<size_t> taken(static_cast<size_t>(c.input(1).type.shape[0]));
  for (size_t i = 0; i < taken.size(); ++i) {
    taken[i] = static_cast<size_t>(std::clamp(numbers.get()[i], 0.f, static_cast<float>(columns - 1)));
  }
  return MakeRowStep(0,
                     [columns, taken = std::move(taken)](const OpArgs& args, int64_t r, const StepMemory&) {
                       const float* x = args.inputs[0].f32() + static_cast<size_t>(r) * columns;
                       float* out = args.outputs[0].f32() + static_cast<size_t>(r) * taken.size();
                       for (size_t i = 0; i < taken.size(); ++i) out[i] = x[taken[i]];
                     });
}

}  // namespace
extern const CpuOpDesc k_cpuop_slice, k_cpuop_concat, k_cpuop_take_columns;
const CpuOpDesc k_cpuop_slice = {
    .name = "slice", .supports = SupportsAny, .prepare = PrepareSlice, .row_wise = true};
const CpuOpDesc k_cpuop_concat = {
    .name = "concat", .supports = SupportsAny, .prepare = PrepareConcat, .row_wise = true};
const CpuOpDesc k_cpuop_take_columns = {
    .name = "take_columns", .supports = SupportsAny, .prepare = PrepareTakeColumns, .row_wise = true};
}  // namespace tern
