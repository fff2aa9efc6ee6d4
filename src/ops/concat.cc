#include <algorithm>

#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY_STATUS(ExpectCount(inputs, 2));
  TERN_TRY_STATUS(ExpectRows("a", inputs[0], Elem::kF32));
  TERN_TRY_STATUS(ExpectRows("b", inputs[1], Elem::kF32));
  TERN_TRY(const int64_t groups, ExpectGroups(attrs));
  TERN_TRY_STATUS(ExpectMultiple("a", inputs[0], groups));
  const bool broadcast = attrs.Int("broadcast", 0) != 0;
  if (!broadcast) TERN_TRY_STATUS(ExpectMultiple("b", inputs[1], groups));
  if (inputs[0].shape[0] != inputs[1].shape[0]) {
    return BadInput("b: " + Describe(inputs[1]) + ", expected the rows of a, " + Describe(inputs[0]));
  }
  const int64_t copies = broadcast ? groups : 1;
  return std::vector<ValueType>{
      {Elem::kF32, {inputs[0].shape[0], Columns(inputs[0]) + copies * Columns(inputs[1])}}};
}

void Reference(const OpArgs& args) {
  const View &a = args.inputs[0], &b = args.inputs[1];
  const int64_t groups = args.attrs.Int("groups", 1);
  const bool broadcast = args.attrs.Int("broadcast", 0) != 0;
  const int64_t m = a.cols() / groups, n = broadcast ? b.cols() : b.cols() / groups;
  float* out = args.outputs[0].f32();
  for (int64_t r = 0; r < a.rows(); ++r) {
    for (int64_t g = 0; g < groups; ++g) {
      out = std::copy_n(a.f32() + r * a.cols() + g * m, m, out);
      out = std::copy_n(b.f32() + r * b.cols() + (broadcast ? 0 : g * n), n, out);
    }
  }
}

}  // namespace
extern const OpDesc k_op_concat;
const OpDesc k_op_concat = {.name = "concat",
                            .summary =
                                "a f32[rows,G*m], b f32[rows,G*n] (broadcast=1: [rows,n], for all groups) -> "
                                "f32[rows,G*(m+n)], per group a's columns, then b's; groups, broadcast",
                            .infer = Infer,
                            .reference = Reference,
                            .row_wise = true};
}  // namespace tern
