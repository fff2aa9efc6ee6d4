#include "ops/moe_mlp.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/activation.h"
#include "ops/linear.h"
#include "ops/output_rows.h"
#include "ops/quantized_rows.h"

namespace tern {

Result<MoeMlpForm> ParseMoeMlp(const Attrs& attrs, Elem x) {
  MoeMlpForm form;
  form.act = attrs.Str("act");
  if (form.act != "silu" && form.act != "gelu" && form.act != "gelu_tanh" && form.act != "swiglu_oai") {
    return BadInput(
        fmt::format("attribute act: \"{}\", expected silu, gelu, gelu_tanh or swiglu_oai", form.act));
  }
  form.alpha = attrs.Float("alpha", 1.702);
  form.limit = attrs.Float("limit", 7);
  if (!(form.limit > 0)) return BadInput("attribute limit: expected a positive number");
  const int64_t biases = attrs.Int("biases");
  if (biases != 0 && biases != 1) return BadInput("attribute biases: expected 0 or 1");
  form.has_bias = biases != 0;
  form.input_scaled = attrs.Int("input_scaled") != 0;
  TERN_TRY(const std::vector<Elem> forms, ParseForms(attrs.Str("forms"), x, 2));
  form.activation = {forms[0], forms[1]};
  TERN_TRY(form.round, ParseRounding(attrs));
  TERN_TRY(form.hidden, ParseRowElem("hidden", attrs.Str("hidden", "f32")));
  return form;
}

double MoeGate(const MoeMlpForm& form, double gate, double up) {
  if (form.act != "swiglu_oai") return Activate(form.act, gate) * up;
  // Comparisons as they are so that NaN stays NaN.
  if (gate > form.limit) gate = form.limit;
  up = std::clamp(up, -form.limit, form.limit);
  return gate * Sigmoid(form.alpha * gate) * (up + 1);
}

namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  using F = MoeMlpForm;
  const bool quantized = !inputs.empty() && (inputs[0].elem == Elem::kQ8 || inputs[0].elem == Elem::kQ16);
  const Elem elem = quantized ? inputs[0].elem : Elem::kF32;
  TERN_TRY(const F form, ParseMoeMlp(attrs, elem));
  TERN_TRY_STATUS(ExpectCount(inputs, form.has_bias ? 9 : 6));
  TERN_TRY_STATUS(ExpectRows("x", inputs[F::kX], elem));
  TERN_TRY_STATUS(ExpectRows("ids", inputs[F::kIds], Elem::kI32));
  const int64_t rows = inputs[F::kX].shape[0], width = Columns(inputs[F::kX]);
  TERN_TRY_STATUS(ExpectSame("ids", inputs[F::kIds], {Elem::kI32, {rows, Columns(inputs[F::kIds])}}));
  TERN_TRY_STATUS(ExpectSame("weights", inputs[F::kWeights], {Elem::kF32, inputs[F::kIds].shape}));
  TERN_TRY_STATUS(ExpectWeight("gate", inputs[F::kGate], {-1, -1, width}));
  const int64_t experts = inputs[F::kGate].shape[0], hidden = inputs[F::kGate].shape[1];
  TERN_TRY_STATUS(ExpectWeight("up", inputs[F::kUp], {experts, hidden, width}));
  TERN_TRY_STATUS(ExpectWeight("down", inputs[F::kDown], {experts, width, hidden}));
  if (form.has_bias) {
    TERN_TRY_STATUS(ExpectWeight("gate_bias", inputs[F::kGateBias], {experts, hidden}));
    TERN_TRY_STATUS(ExpectWeight("up_bias", inputs[F::kUpBias], {experts, hidden}));
    TERN_TRY_STATUS(ExpectWeight("down_bias", inputs[F::kDownBias], {experts, width}));
  }
  if (form.hidden != Elem::kF32) {
    TERN_TRY_STATUS(ExpectMultiple("hidden", {form.hidden, {rows, hidden}}, kActGroup));
  }
  return std::vector<ValueType>{{Elem::kF32, inputs[F::kX].shape}};
}

using Row = std::vector<double>;

// Expert e's x w^T (+ bias). `bias` is input `weight + 3`, where there are biases.
Row Multiply(const OpArgs& args, const MoeMlpForm& form, size_t weight, int64_t e, const Row& x) {
  const Tensor w = args.inputs[weight].tensor();
  const int64_t channels = w.shape[1];
  Row y(static_cast<size_t>(channels));
  std::vector<float> decoded(x.size()), bias(y.size(), 0.f);
  if (form.has_bias) {
    const Tensor b = args.inputs[weight + 3].tensor();
    b.format->decode(b.row(e), 0, bias.data(), bias.size());
  }
  for (size_t n = 0; n < y.size(); ++n) {
    w.format->decode(w.row(e * channels + static_cast<int64_t>(n)), 0, decoded.data(), decoded.size());
    for (size_t k = 0; k < x.size(); ++k) y[n] += x[k] * decoded[k];
    y[n] += bias[n];
  }
  return y;
}

// The row as `down` sees it.
Row Quantized(const Row& row, Elem form) {
  if (form == Elem::kF32) return row;
  const std::vector<float> rounded(row.begin(), row.end());
  const auto width = static_cast<int64_t>(row.size());
  std::vector<float> quantized(QuantizedRow(width, form == Elem::kQ16).row_bytes / sizeof(float));
  QuantizeRow(rounded.data(), width, form == Elem::kQ16, quantized.data());
  Row seen;
  ReadRow({form, {1, width}, nullptr, quantized.data()}, 0, form, seen);
  return seen;
}

// What expert e says about row r of x, which is multiplied by `scale` first.
Row RunExpert(const OpArgs& args, const MoeMlpForm& form, int64_t e, int64_t r, double scale) {
  const auto project = [&](size_t weight) {
    Row x;
    ReadRow(args.inputs[MoeMlpForm::kX], r, form.activation[weight - MoeMlpForm::kGate], x);
    for (double& v : x) v *= scale;
    return Multiply(args, form, weight, e, x);
  };
  Row hidden = project(MoeMlpForm::kGate);
  const Row up = project(MoeMlpForm::kUp);
  for (size_t i = 0; i < hidden.size(); ++i) hidden[i] = MoeGate(form, hidden[i], up[i]);
  return Multiply(args, form, MoeMlpForm::kDown, e, Quantized(hidden, form.hidden));
}

void Reference(const OpArgs& args) {
  using F = MoeMlpForm;
  const View& x = args.inputs[F::kX];
  const F form = ParseMoeMlp(args.attrs, x.elem).value();
  const int64_t experts = args.inputs[F::kGate].shape[0], top_k = args.inputs[F::kIds].cols();
  const auto width = static_cast<size_t>(x.cols());
  for (int64_t r = 0; r < x.rows(); ++r) {
    Row sum(width, 0.0);
    for (int64_t k = 0; k < top_k; ++k) {
      const int64_t e = args.inputs[F::kIds].i32()[r * top_k + k];
      const double weight = args.inputs[F::kWeights].f32()[r * top_k + k];
      if (e < 0 || e >= experts) continue;
      const Row y = RunExpert(args, form, e, r, form.input_scaled ? weight : 1);
      for (size_t i = 0; i < width; ++i) sum[i] += form.input_scaled ? y[i] : weight * y[i];
    }
    std::copy(sum.begin(), sum.end(), args.outputs[0].f32() + r * x.cols());
  }
}

}  // namespace
extern const OpDesc k_op_moe_mlp;
const OpDesc k_op_moe_mlp = {
    .name = "moe_mlp",
    .summary =
        "x [rows,D], ids i32[rows,k], weights f32[rows,k], gate [E,F,D], up [E,F,D], down [E,D,F], "
        "[their biases] -> f32[rows,D], the weighted sum of the experts; act, biases, input_scaled, forms, "
        "round, hidden",
    .infer = Infer,
    .reference = Reference,
    .row_wise = true};
}  // namespace tern
