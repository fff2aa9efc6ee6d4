#include "ops/rms_norm.h"

#include <cmath>

#include "ops/shape_rules.h"

namespace tern {

Status CheckRmsNorm(TypeSpan inputs) {
  TERN_TRY_STATUS(ExpectCount(inputs, 2));
  TERN_TRY_STATUS(ExpectRows("x", inputs[0], Elem::kF32));
  TERN_TRY_STATUS(ExpectWeight("w", inputs[1], {-1}));
  return ExpectMultiple("x", inputs[0], Columns(inputs[1]));
}

void RmsNormRow(const float* x, const float* w, int64_t groups, int64_t d, double eps, float* y) {
  for (int64_t g = 0; g < groups; ++g) {
    double squares = 0;
    for (int64_t i = 0; i < d; ++i) squares += static_cast<double>(x[g * d + i]) * x[g * d + i];
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(d) + eps);
    for (int64_t i = 0; i < d; ++i) y[g * d + i] = static_cast<float>(x[g * d + i] * inverse * w[i]);
  }
}

namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) {
  TERN_TRY_STATUS(CheckRmsNorm(inputs));
  return std::vector<ValueType>{inputs[0]};
}

void Reference(const OpArgs& args) {
  const View& x = args.inputs[0];
  const std::vector<float> w = DecodeAll(args.inputs[1]);
  const auto d = static_cast<int64_t>(w.size());
  for (int64_t r = 0; r < x.rows(); ++r) {
    RmsNormRow(x.f32() + r * x.cols(), w.data(), x.cols() / d, d, args.attrs.Float("eps"),
               args.outputs[0].f32() + r * x.cols());
  }
}

}  // namespace
extern const OpDesc k_op_rms_norm;
const OpDesc k_op_rms_norm = {
    .name = "rms_norm",
    .summary = "x f32[rows,N], w [d] -> x w / sqrt(mean(x^2) + eps), over each group of d columns",
    .infer = Infer,
    .reference = Reference,
    .in_place = 1,
    .row_wise = true};
}  // namespace tern
