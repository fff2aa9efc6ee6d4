// Ops that move rows: embed, take_rows.

#include <cstring>

#include "backends/cpu/decode/decode.h"
#include "backends/cpu/elementwise/elementwise.h"
#include "backends/cpu/step.h"

namespace tern {
namespace {

// The table stays as it lies in the file; only the rows of this step's tokens are decoded.
Result<std::unique_ptr<CpuStep>> PrepareEmbed(const StepContext& c) {
  const auto scale = static_cast<float>(c.node.attrs.Float("scale", 1));
  const auto multiply = PickElementwise(c.isa).scale;
  const DecodeRowFn decode = PickDecode(*c.input(1).type.format, c.isa);
  return MakeRowStep(0, [table = c.input(1).tensor(), decode, scale, multiply](const OpArgs& args, int64_t r,
                                                                               const StepMemory&) {
    const auto width = static_cast<size_t>(table.cols());
    float* out = args.outputs[0].f32() + static_cast<size_t>(r) * width;
    decode(table.row(args.inputs[0].i32()[r]), 0, out, width);
    if (scale != 1.f) multiply(out, scale, out, width);
  });
}

// Reads rows that other threads wrote, so it begins a stage of its own.
class TakeRowsStep : public CpuStep {
 public:
  TakeRowsStep() : CpuStep(StepNeeds{}) {}
  StepTasks Bind(const OpArgs& args, const StepMemory&) override {
    return {static_cast<size_t>(args.outputs[0].rows()), 8};
  }
  void Run(const OpArgs& args, size_t begin, size_t end, const StepMemory&) override {
    const auto width = static_cast<size_t>(args.outputs[0].cols());
    for (size_t r = begin; r < end; ++r) {
      const auto from = static_cast<size_t>(args.inputs[1].i32()[r]);
      std::memcpy(args.outputs[0].f32() + r * width, args.inputs[0].f32() + from * width,
                  width * sizeof(float));
    }
  }
};

Result<std::unique_ptr<CpuStep>> PrepareTakeRows(const StepContext&) {
  return std::unique_ptr<CpuStep>(std::make_unique<TakeRowsStep>());
}

}  // namespace
extern const CpuOpDesc k_cpuop_embed, k_cpuop_take_rows;
const CpuOpDesc k_cpuop_embed = {
    .name = "embed", .supports = SupportsAny, .prepare = PrepareEmbed, .row_wise = true};
const CpuOpDesc k_cpuop_take_rows = {
    .name = "take_rows", .supports = SupportsAny, .prepare = PrepareTakeRows};
}  // namespace tern
