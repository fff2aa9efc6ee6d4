#include "ops/quantized_rows.h"
#include "ops/rms_norm.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY_STATUS(CheckRmsNorm(inputs));
  TERN_TRY_STATUS(ExpectMultiple("x", inputs[0], kActGroup));
  const Elem elem = attrs.Int("precise") != 0 ? Elem::kQ16 : Elem::kQ8;
  return std::vector<ValueType>{{elem, inputs[0].shape}};
}

void Reference(const OpArgs& args) {
  const View& x = args.inputs[0];
  const bool precise = args.outputs[0].elem == Elem::kQ16;
  const size_t row_bytes = QuantizedRow(x.cols(), precise).row_bytes;
  const std::vector<float> w = DecodeAll(args.inputs[1]);
  const auto d = static_cast<int64_t>(w.size());
  std::vector<float> normed(static_cast<size_t>(x.cols()));
  for (int64_t r = 0; r < x.rows(); ++r) {
    RmsNormRow(x.f32() + r * x.cols(), w.data(), x.cols() / d, d, args.attrs.Float("eps"), normed.data());
    QuantizeRow(normed.data(), x.cols(), precise,
                static_cast<char*>(args.outputs[0].data) + static_cast<size_t>(r) * row_bytes);
  }
}

}  // namespace
extern const OpDesc k_op_rms_norm_quantize;
const OpDesc k_op_rms_norm_quantize = {.name = "rms_norm_quantize",
                                       .summary = "x f32[rows,N], w [d] -> quantize(rms_norm(x, w))",
                                       .infer = Infer,
                                       .reference = Reference,
                                       .row_wise = true};
}  // namespace tern
