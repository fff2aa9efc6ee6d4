#include <cstring>

#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) {
  TERN_TRY_STATUS(ExpectCount(inputs, 2));
  const Elem elem = inputs[0].elem == Elem::kI32 ? Elem::kI32 : Elem::kF32;
  TERN_TRY_STATUS(ExpectRows("x", inputs[0], elem));
  TERN_TRY_STATUS(ExpectIndices("rows", inputs[1]));
  return std::vector<ValueType>{{elem, {inputs[1].shape[0], Columns(inputs[0])}}};
}

void Reference(const OpArgs& args) {
  const View& x = args.inputs[0];
  for (int64_t r = 0; r < args.outputs[0].rows(); ++r) {
    // Four bytes each, whatever they mean.
    std::memcpy(args.outputs[0].f32() + r * x.cols(), x.f32() + args.inputs[1].i32()[r] * x.cols(),
                static_cast<size_t>(x.cols()) * sizeof(float));
  }
}

}  // namespace
extern const OpDesc k_op_take_rows;
const OpDesc k_op_take_rows = {.name = "take_rows",
                               .summary = "x f32 or i32[T,D], rows i32[R] -> [R,D], those rows of x",
                               .infer = Infer,
                               .reference = Reference};
}  // namespace tern
