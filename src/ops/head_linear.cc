#include "ops/linear.h"
#include "ops/quantized_rows.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY_STATUS(ExpectCount(inputs, 2));
  const Elem x = inputs[0].elem;
  const Elem elem = x == Elem::kQ8 || x == Elem::kQ16 ? x : Elem::kF32;
  TERN_TRY_STATUS(ExpectRows("x", inputs[0], elem));
  TERN_TRY_STATUS(ParseForms(attrs.Str("forms"), elem, 1));
  TERN_TRY_STATUS(ParseRounding(attrs));
  TERN_TRY_STATUS(ExpectWeight("w", inputs[1], {-1, -1, -1}));
  const Shape& w = inputs[1].shape;
  if (Columns(inputs[0]) % w[0] != 0 || Columns(inputs[0]) / w[0] != w[2]) {
    return BadInput("x: " + Describe(inputs[0]) + ", expected " + std::to_string(w[0]) + " heads of " +
                    std::to_string(w[2]) + " columns");
  }
  // Heads begin with a group of their own.
  if (elem != Elem::kF32) TERN_TRY_STATUS(ExpectMultiple("w", {elem, {w[0] * w[1], w[2]}}, kActGroup));
  return std::vector<ValueType>{{Elem::kF32, {inputs[0].shape[0], w[0] * w[1]}}};
}

void Reference(const OpArgs& args) {
  const View& x = args.inputs[0];
  const Tensor w = args.inputs[1].tensor();
  const int64_t per_head = w.shape[1], width = w.shape[2];
  const Elem form = ParseForms(args.attrs.Str("forms"), x.elem, 1).value()[0];
  std::vector<std::vector<double>> in(static_cast<size_t>(x.rows()));
  for (size_t r = 0; r < in.size(); ++r) ReadRow(x, static_cast<int64_t>(r), form, in[r]);
  std::vector<float> decoded(static_cast<size_t>(width));
  for (int64_t n = 0; n < w.rows(); ++n) {
    w.format->decode(w.row(n), 0, decoded.data(), decoded.size());
    for (int64_t r = 0; r < x.rows(); ++r) {
      const double* head = in[static_cast<size_t>(r)].data() + n / per_head * width;
      double dot = 0;
      for (size_t k = 0; k < decoded.size(); ++k) dot += head[k] * static_cast<double>(decoded[k]);
      args.outputs[0].f32()[r * args.outputs[0].cols() + n] = static_cast<float>(dot);
    }
  }
}

}  // namespace
extern const OpDesc k_op_head_linear;
const OpDesc k_op_head_linear = {.name = "head_linear",
                                 .summary =
                                     "x [rows,H*K], w [H,N,K] -> f32[rows,H*N]: each head times its own "
                                     "matrix, y_h = x_h w_h^T; forms, round",
                                 .infer = Infer,
                                 .reference = Reference,
                                 .row_wise = true};
}  // namespace tern
