#include "ops/linear.h"

#include <algorithm>

#include "ops/activation.h"
#include "ops/output_rows.h"
#include "ops/quantized_rows.h"
#include "ops/shape_rules.h"

namespace tern {

namespace {

// q16 rows hold q8 rows; nothing else may be read as another form.
bool Serves(Elem x, Elem form) { return x == form || (x == Elem::kQ16 && form == Elem::kQ8); }

}  // namespace

Result<std::vector<Elem>> ParseForms(std::string_view text, Elem x, size_t weights) {
  if (text.empty()) return std::vector<Elem>(weights, x);
  std::vector<Elem> forms;
  while (true) {
    const size_t comma = text.find(',');
    TERN_TRY(const Elem form, ParseRowElem("forms", text.substr(0, comma)));
    if (!Serves(x, form)) {
      return BadInput("attribute forms: " + std::string(ElemName(form)) + ", but x is " +
                      std::string(ElemName(x)));
    }
    forms.push_back(form);
    if (comma == text.npos) break;
    text.remove_prefix(comma + 1);
  }
  if (forms.size() != weights) {
    return BadInput("attribute forms: " + std::to_string(forms.size()) + " entries, expected " +
                    std::to_string(weights));
  }
  return forms;
}

void ReadRow(const View& x, int64_t r, Elem form, std::vector<double>& out) {
  const auto width = static_cast<size_t>(x.cols());
  out.resize(width);
  if (x.elem == Elem::kF32) {
    for (size_t i = 0; i < width; ++i) out[i] = x.f32()[static_cast<size_t>(r) * width + i];
    return;
  }
  const QuantizedRowLayout layout = QuantizedRow(x.cols(), x.elem == Elem::kQ16);
  const char* row = static_cast<const char*>(x.data) + static_cast<size_t>(r) * layout.row_bytes;
  const auto* scale = reinterpret_cast<const float*>(row);
  const auto* hi = reinterpret_cast<const int8_t*>(row + layout.hi);
  const auto* lo = reinterpret_cast<const int8_t*>(row + layout.lo);
  for (size_t i = 0; i < width; ++i) {
    const double code = form == Elem::kQ16 ? hi[i] + lo[i] / 128.0 : hi[i];
    out[i] = static_cast<double>(scale[i / kActGroup]) * code;
  }
}

Result<Rounding> ParseRounding(const Attrs& attrs) {
  const std::string_view name = attrs.Str("round");
  if (name.empty()) return Rounding::kNone;
  if (name == "int16") return Rounding::kInt16;
  if (name == "bf16") return Rounding::kBf16;
  return BadInput("attribute round: \"" + std::string(name) + "\", expected int16 or bf16");
}

Result<LinearForm> ParseLinear(const Attrs& attrs, Elem x) {
  LinearForm form;
  const int64_t weights = attrs.Int("weights", 1);
  const int64_t biases = attrs.Int("biases", 0);
  if (weights < 1 || weights > 64) return BadInput("attribute weights: expected 1 to 64");
  if (biases != 0 && biases != weights) return BadInput("attribute biases: expected 0 or one per weight");
  form.weights = static_cast<size_t>(weights);
  form.has_bias = biases != 0;
  form.has_residual = attrs.Int("residual", 0) != 0;
  TERN_TRY(form.round, ParseRounding(attrs));
  form.likeliest = attrs.Int("likeliest", 0) != 0;
  form.glu = attrs.Str("glu");
  TERN_TRY(form.activation, ParseForms(attrs.Str("forms"), x, form.weights));
  TERN_TRY(form.output, ParseRowElem("output", attrs.Str("output", "f32")));
  constexpr std::string_view kGlus[] = {"", "silu", "gelu_tanh", "gelu", "relu"};
  if (std::find(std::begin(kGlus), std::end(kGlus), form.glu) == std::end(kGlus)) {
    return BadInput("attribute glu: \"" + std::string(form.glu) +
                    "\", expected silu, gelu_tanh, gelu or relu");
  }
  if (!form.glu.empty() && (weights != 2 || form.has_residual)) {
    return BadInput("attribute glu: expected two weights and no residual");
  }
  if (form.has_residual && weights != 1) return BadInput("attribute residual: expected one weight");
  if (form.likeliest && (weights != 1 || form.has_bias || form.has_residual || form.output != Elem::kF32)) {
    return BadInput("attribute likeliest: expected one weight, no bias, no residual, output f32");
  }
  if (form.output != Elem::kF32 && form.outputs() != 1) {
    return BadInput("attribute output: quantized, expected one output");
  }
  return form;
}

namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  if (inputs.empty()) return BadInput("no inputs, expected x");
  const ValueType& x = inputs[0];
  const Elem elem = x.elem == Elem::kQ8 || x.elem == Elem::kQ16 ? x.elem : Elem::kF32;
  TERN_TRY_STATUS(ExpectRows("x", x, elem));
  TERN_TRY(const LinearForm form, ParseLinear(attrs, elem));
  TERN_TRY_STATUS(ExpectCount(inputs, form.inputs()));
  std::vector<ValueType> outputs;
  for (size_t i = 0; i < form.weights; ++i) {
    const ValueType& w = inputs[1 + i];
    TERN_TRY_STATUS(ExpectWeight("w" + std::to_string(i + 1), w, {-1, Columns(x)}));
    const int64_t channels = w.shape[0];
    if (form.has_bias) {
      TERN_TRY_STATUS(ExpectWeight("bias" + std::to_string(i + 1), inputs[form.bias_input(i)], {channels}));
    }
    if (outputs.size() < form.outputs()) outputs.push_back({form.output, {x.shape[0], channels}});
  }
  if (!form.glu.empty() && inputs[1].shape != inputs[2].shape) {
    return BadInput("w2: " + Describe(inputs[2]) + ", expected the shape of w1, " + Describe(inputs[1]));
  }
  if (form.output != Elem::kF32) TERN_TRY_STATUS(ExpectMultiple("output", outputs[0], kActGroup));
  if (form.has_residual) {
    const ValueType sum{Elem::kF32, outputs[0].shape};
    TERN_TRY_STATUS(ExpectSame("residual", inputs[form.residual_input()], sum));
  }
  return outputs;
}

// x w^T + bias for one weight, [rows, N].
std::vector<double> Multiply(const OpArgs& args, const LinearForm& form, size_t i) {
  const View& x = args.inputs[0];
  const Tensor w = args.inputs[1 + i].tensor();
  const auto width = static_cast<size_t>(x.cols());
  const auto rows = static_cast<size_t>(x.rows()), channels = static_cast<size_t>(w.rows());
  std::vector<std::vector<double>> in(rows);
  for (size_t r = 0; r < rows; ++r) ReadRow(x, static_cast<int64_t>(r), form.activation[i], in[r]);
  std::vector<float> bias(channels, 0.f);
  if (form.has_bias) bias = DecodeAll(args.inputs[form.bias_input(i)]);
  std::vector<double> y(rows * channels);
  std::vector<float> decoded(width);
  for (size_t n = 0; n < channels; ++n) {
    w.format->decode(w.row(static_cast<int64_t>(n)), 0, decoded.data(), width);
    for (size_t r = 0; r < rows; ++r) {
      double dot = 0;
      for (size_t k = 0; k < width; ++k) dot += in[r][k] * decoded[k];
      y[r * channels + n] = dot + bias[n];
    }
  }
  return y;
}

void Reference(const OpArgs& args) {
  const LinearForm form = ParseLinear(args.attrs, args.inputs[0].elem).value();
  std::vector<std::vector<double>> y;
  for (size_t i = 0; i < form.weights; ++i) y.push_back(Multiply(args, form, i));
  if (!form.glu.empty()) {
    for (size_t j = 0; j < y[0].size(); ++j) y[0][j] = Activate(form.glu, y[0][j]) * y[1][j];
  }
  if (form.has_residual) {
    const float* residual = args.inputs[form.residual_input()].f32();
    for (size_t j = 0; j < y[0].size(); ++j) y[0][j] += residual[j];
  }
  for (size_t i = 0; i < form.outputs(); ++i)
    WriteRows(std::vector<float>(y[i].begin(), y[i].end()), args.outputs[i]);
}

}  // namespace
extern const OpDesc k_op_linear;
const OpDesc k_op_linear = {
    .name = "linear",
    .summary =
        "x [rows,K], w_i [N_i,K], [bias_i [N_i]], [residual] -> x w_i^T (+ bias) (+ residual), or "
        "act(y_1) * y_2; weights, biases, residual, forms, round, likeliest, glu, output",
    .infer = Infer,
    .reference = Reference,
    .row_wise = true};
}  // namespace tern
