#include <algorithm>

#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) {
  TERN_TRY_STATUS(ExpectCount(inputs, 2));
  TERN_TRY_STATUS(ExpectRows("x", inputs[0], Elem::kF32));
  TERN_TRY_STATUS(ExpectWeight("columns", inputs[1], {-1}));
  return std::vector<ValueType>{{Elem::kF32, {inputs[0].shape[0], inputs[1].shape[0]}}};
}

// Whoever builds the graph checks the numbers of columns; here one that x does not have is the nearest it
// has.
void Reference(const OpArgs& args) {
  const View& x = args.inputs[0];
  const std::vector<float> columns = DecodeAll(args.inputs[1].tensor());
  float* out = args.outputs[0].f32();
  for (int64_t r = 0; r < x.rows(); ++r) {
    for (const float column : columns) {
      const float nearest = std::clamp(column, 0.f, static_cast<float>(x.cols() - 1));
      *out++ = x.f32()[r * x.cols() + static_cast<int64_t>(nearest)];
    }
  }
}

}  // namespace
extern const OpDesc k_op_take_columns;
const OpDesc k_op_take_columns = {
    .name = "take_columns",
    .summary = "x f32[rows,n], columns [k] -> f32[rows,k], those columns of x; their numbers are a weight's",
    .infer = Infer,
    .reference = Reference,
    .row_wise = true};
}  // namespace tern
