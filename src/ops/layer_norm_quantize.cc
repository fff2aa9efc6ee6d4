#include "ops/layer_norm.h"
#include "ops/quantized_rows.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY_STATUS(ParseLayerNorm(inputs, attrs));
  TERN_TRY_STATUS(ExpectMultiple("x", inputs[0], kActGroup));
  const Elem elem = attrs.Int("precise") != 0 ? Elem::kQ16 : Elem::kQ8;
  return std::vector<ValueType>{{elem, inputs[0].shape}};
}

void Reference(const OpArgs& args) {
  const View& out = args.outputs[0];
  const bool precise = out.elem == Elem::kQ16;
  const size_t row_bytes = QuantizedRow(out.cols(), precise).row_bytes;
  std::vector<float> normed(static_cast<size_t>(Elements(args.inputs[0].shape)));
  const View rows{Elem::kF32, args.inputs[0].shape, nullptr, normed.data()};
  FindOp("layer_norm")->reference({args.inputs, std::span(&rows, 1), args.attrs, args.batch});
  for (int64_t r = 0; r < out.rows(); ++r) {
    QuantizeRow(normed.data() + r * out.cols(), out.cols(), precise,
                static_cast<char*>(out.data) + static_cast<size_t>(r) * row_bytes);
  }
}

}  // namespace
extern const OpDesc k_op_layer_norm_quantize;
const OpDesc k_op_layer_norm_quantize = {.name = "layer_norm_quantize",
                                         .summary = "x f32[rows,N], w, [b] -> quantize(layer_norm(x, w, b))",
                                         .infer = Infer,
                                         .reference = Reference,
                                         .row_wise = true};
}  // namespace tern
