#include "ops/layer_norm.h"

#include <fmt/format.h>

#include <cmath>

namespace tern {

Result<LayerNormForm> ParseLayerNorm(TypeSpan inputs, const Attrs& attrs) {
  const int64_t biases = attrs.Int("biases"), group = attrs.Int("group");
  if (biases != 0 && biases != 1) return BadInput("attribute biases: expected 0 or 1");
  if (group < 0) return BadInput(fmt::format("attribute group: {}, expected at least 0", group));
  TERN_TRY_STATUS(ExpectCount(inputs, biases != 0 ? 3 : 2));
  TERN_TRY_STATUS(ExpectRows("x", inputs[0], Elem::kF32));
  TERN_TRY_STATUS(ExpectWeight("w", inputs[1], Shape(inputs[1].shape.size() == 2 ? 2 : 1, -1)));
  const int64_t columns = Columns(inputs[0]), weights = Elements(inputs[1].shape);
  const LayerNormForm form{.group = group > 0 ? group : Columns(inputs[1]),
                           .weights = weights,
                           .has_bias = biases != 0,
                           .eps = attrs.Float("eps")};
  TERN_TRY_STATUS(ExpectMultiple("x", inputs[0], form.group));
  if (weights != form.group && weights != columns) {
    return BadInput(
        fmt::format("w: {}, expected {} or {} entries", Describe(inputs[1]), form.group, columns));
  }
  if (form.has_bias) TERN_TRY_STATUS(ExpectWeight("b", inputs[2], inputs[1].shape));
  return form;
}

namespace {

// One row; b may be null.
void LayerNormRow(const LayerNormForm& form, const float* x, const float* w, const float* b, int64_t columns,
                  float* y) {
  const auto count = static_cast<double>(form.group);
  for (int64_t begin = 0; begin < columns; begin += form.group) {
    double sum = 0, squares = 0;
    for (int64_t i = begin; i < begin + form.group; ++i) sum += x[i];
    const double mean = sum / count;
    for (int64_t i = begin; i < begin + form.group; ++i) squares += (x[i] - mean) * (x[i] - mean);
    const double inverse = 1 / std::sqrt(squares / count + form.eps);
    for (int64_t i = begin; i < begin + form.group; ++i) {
      const int64_t at = i % form.weights;
      y[i] = static_cast<float>((x[i] - mean) * inverse * w[at] + (b != nullptr ? b[at] : 0));
    }
  }
}

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY_STATUS(ParseLayerNorm(inputs, attrs));
  return std::vector<ValueType>{inputs[0]};
}

void Reference(const OpArgs& args) {
  const View& x = args.inputs[0];
  const std::vector<float> w = DecodeAll(args.inputs[1]);
  const bool has_bias = args.inputs.size() > 2;
  const std::vector<float> b = has_bias ? DecodeAll(args.inputs[2]) : std::vector<float>();
  const int64_t group = args.attrs.Int("group");
  const LayerNormForm form{group > 0 ? group : args.inputs[1].cols(), static_cast<int64_t>(w.size()),
                           has_bias, args.attrs.Float("eps")};
  for (int64_t r = 0; r < x.rows(); ++r) {
    LayerNormRow(form, x.f32() + r * x.cols(), w.data(), has_bias ? b.data() : nullptr, x.cols(),
                 args.outputs[0].f32() + r * x.cols());
  }
}

}  // namespace
extern const OpDesc k_op_layer_norm;
const OpDesc k_op_layer_norm = {
    .name = "layer_norm",
    .summary = "x f32[rows,N], w, [b] -> (x - mean) w / sqrt(var + eps) (+ b), over each group of columns",
    .infer = Infer,
    .reference = Reference,
    .in_place = 1,
    .row_wise = true};
}  // namespace tern
