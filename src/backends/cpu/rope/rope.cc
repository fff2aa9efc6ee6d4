#include "backends/cpu/rope/rope.h"

#include <cmath>

#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"
#include "base/isa.h"

namespace tern {

const RopeKernels& PickRope([[maybe_unused]] uint32_t have) {
#define KERNEL(isa, name) \
  if (HasIsa(isa, have)) return name;
#include "backends/cpu/rope/kernels.inc"
#undef KERNEL
  return rope_none;
}

namespace {

struct RopeShape {
  size_t columns, head_dim, rotated, offset;
};

Result<std::unique_ptr<CpuStep>> PrepareRope(const StepContext& c) {
  const RopeShape s{
      static_cast<size_t>(c.output(0).type.shape[1]), static_cast<size_t>(c.node.attrs.Int("head_dim")),
      static_cast<size_t>(c.input(1).type.shape[1]), static_cast<size_t>(c.node.attrs.Int("offset", 0))};
  const RopeKernels& kernels = PickRope(c.isa);
  const auto rope = [s](const OpArgs& args, int64_t r, const float* cosine, const float* sine) {
    const size_t at = static_cast<size_t>(r) * s.columns;
    return RopeRow{args.inputs[0].f32() + at, cosine,     sine,      args.outputs[0].f32() + at,
                   s.columns / s.head_dim,    s.head_dim, s.rotated, s.offset};
  };
  if (c.node.attrs.Str("style") == "half") {
    return MakeRowStep(0, [=, run = kernels.half](const OpArgs& args, int64_t r, const StepMemory&) {
      const float* table = args.inputs[1].f32() + static_cast<size_t>(r) * s.rotated;
      run(rope(args, r, table, table + s.rotated / 2));
    });
  }
  // Neighbours turn together: spread the table out to them once for all heads of the row.
  return MakeRowStep(2 * s.rotated * sizeof(float),
                     [=, run = kernels.pair](const OpArgs& args, int64_t r, const StepMemory& memory) {
                       const float* table = args.inputs[1].f32() + static_cast<size_t>(r) * s.rotated;
                       auto* cosine = static_cast<float*>(memory.scratch);
                       float* sine = cosine + s.rotated;
                       for (size_t i = 0; i < s.rotated / 2; ++i) {
                         cosine[2 * i] = cosine[2 * i + 1] = table[i];
                         sine[2 * i] = -table[s.rotated / 2 + i];
                         sine[2 * i + 1] = table[s.rotated / 2 + i];
                       }
                       run(rope(args, r, cosine, sine));
                     });
}

// As the reference: it runs once per step, not once per layer.
Result<std::unique_ptr<CpuStep>> PrepareTable(const StepContext& c) {
  const auto half = static_cast<size_t>(c.input(1).type.shape[0]);
  const auto factor = static_cast<float>(c.node.attrs.Float("factor", 1));
  return MakeRowStep(
      0, [w = c.weights.Floats(c.input(1)), half, factor](const OpArgs& args, int64_t r, const StepMemory&) {
        const auto position = static_cast<float>(args.inputs[0].i32()[r]);
        float* out = args.outputs[0].f32() + static_cast<size_t>(r) * 2 * half;
        for (size_t i = 0; i < half; ++i) {
          const double angle = position * w.get()[i];  // rounded to float first
          out[i] = static_cast<float>(std::cos(angle)) * factor;
          out[half + i] = static_cast<float>(std::sin(angle)) * factor;
        }
      });
}

}  // namespace
extern const CpuOpDesc k_cpuop_rope, k_cpuop_rope_table;
const CpuOpDesc k_cpuop_rope = {
    .name = "rope", .supports = SupportsAny, .prepare = PrepareRope, .row_wise = true};
const CpuOpDesc k_cpuop_rope_table = {
    .name = "rope_table", .supports = SupportsAny, .prepare = PrepareTable, .row_wise = true};
}  // namespace tern
