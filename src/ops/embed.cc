#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) {
  TERN_TRY_STATUS(ExpectCount(inputs, 2));
  TERN_TRY_STATUS(ExpectIndices("tokens", inputs[0]));
  TERN_TRY_STATUS(ExpectWeight("table", inputs[1], {-1, -1}));
  return std::vector<ValueType>{{Elem::kF32, {inputs[0].shape[0], Columns(inputs[1])}}};
}

void Reference(const OpArgs& args) {
  const Tensor table = args.inputs[1].tensor();
  const auto scale = static_cast<float>(args.attrs.Float("scale", 1));
  for (int64_t r = 0; r < args.outputs[0].rows(); ++r) {
    float* out = args.outputs[0].f32() + r * table.cols();
    table.format->decode(table.row(args.inputs[0].i32()[r]), 0, out, static_cast<size_t>(table.cols()));
    for (int64_t i = 0; i < table.cols(); ++i) out[i] *= scale;
  }
}

}  // namespace
extern const OpDesc k_op_embed;
const OpDesc k_op_embed = {.name = "embed",
                           .summary = "tokens i32[T], table [V,D] -> f32[T,D], rows of the table times scale",
                           .infer = Infer,
                           .reference = Reference};
}  // namespace tern
