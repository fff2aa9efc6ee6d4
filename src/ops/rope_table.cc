#include <cmath>

#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) {
  TERN_TRY_STATUS(ExpectCount(inputs, 2));
  TERN_TRY_STATUS(ExpectIndices("positions", inputs[0]));
  TERN_TRY_STATUS(ExpectWeight("inv_freq", inputs[1], {-1}));
  return std::vector<ValueType>{{Elem::kF32, {inputs[0].shape[0], 2 * Columns(inputs[1])}}};
}

// The angle is rounded to float before its cosine is taken, as Transformers does it: at position 8000 that
// rounding moves an angle by up to 2^-12, which must not count as our error.
void Reference(const OpArgs& args) {
  const std::vector<float> frequency = DecodeAll(args.inputs[1]);
  const auto factor = static_cast<float>(args.attrs.Float("factor", 1));
  const auto half = static_cast<int64_t>(frequency.size());
  for (int64_t r = 0; r < args.outputs[0].rows(); ++r) {
    const auto position = static_cast<float>(args.inputs[0].i32()[r]);
    float* out = args.outputs[0].f32() + r * 2 * half;
    for (int64_t i = 0; i < half; ++i) {
      const float angle = position * frequency[static_cast<size_t>(i)];
      out[i] = static_cast<float>(std::cos(static_cast<double>(angle))) * factor;
      out[half + i] = static_cast<float>(std::sin(static_cast<double>(angle))) * factor;
    }
  }
}

}  // namespace
extern const OpDesc k_op_rope_table;
const OpDesc k_op_rope_table = {
    .name = "rope_table",
    .summary = "positions i32[T], inv_freq [rd/2] -> f32[T,rd]: cosines, then sines, times factor",
    .infer = Infer,
    .reference = Reference};
}  // namespace tern
