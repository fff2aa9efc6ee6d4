#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) {
  TERN_TRY_STATUS(ExpectCount(inputs, 2));
  TERN_TRY_STATUS(ExpectRows("x", inputs[0], Elem::kF32));
  TERN_TRY_STATUS(ExpectSame("s", inputs[1], {Elem::kF32, {inputs[0].shape[0], 1}}));
  return std::vector<ValueType>{inputs[0]};
}

void Reference(const OpArgs& args) {
  const View& x = args.inputs[0];
  for (int64_t r = 0; r < x.rows(); ++r) {
    const float s = args.inputs[1].f32()[r];
    const int64_t at = r * x.cols();
    for (int64_t i = 0; i < x.cols(); ++i) args.outputs[0].f32()[at + i] = x.f32()[at + i] * s;
  }
}

}  // namespace
extern const OpDesc k_op_scale_rows;
const OpDesc k_op_scale_rows = {.name = "scale_rows",
                                .summary = "x f32[rows,N], s f32[rows,1] -> each row of x times its s",
                                .infer = Infer,
                                .reference = Reference,
                                .in_place = 1,
                                .row_wise = true};
}  // namespace tern
