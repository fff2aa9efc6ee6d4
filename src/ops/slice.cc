#include <algorithm>

#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY_STATUS(ExpectCount(inputs, 1));
  TERN_TRY_STATUS(ExpectRows("x", inputs[0], Elem::kF32));
  TERN_TRY(const int64_t groups, ExpectGroups(attrs));
  TERN_TRY_STATUS(ExpectMultiple("x", inputs[0], groups));
  TERN_TRY(const int64_t start, ExpectAttr(attrs, "start", 0));
  TERN_TRY(const int64_t width, ExpectAttr(attrs, "width", 1));
  const int64_t columns = Columns(inputs[0]) / groups;
  if (start >= columns || width > columns - start) {
    return BadInput("attributes start and width: " + std::to_string(start) + " and " + std::to_string(width) +
                    ", expected columns of a group of " + std::to_string(columns));
  }
  return std::vector<ValueType>{{Elem::kF32, {inputs[0].shape[0], groups * width}}};
}

void Reference(const OpArgs& args) {
  const View& x = args.inputs[0];
  const int64_t groups = args.attrs.Int("groups", 1), width = args.attrs.Int("width");
  for (int64_t i = 0; i < x.rows() * groups; ++i) {
    std::copy_n(x.f32() + i * (x.cols() / groups) + args.attrs.Int("start"), width,
                args.outputs[0].f32() + i * width);
  }
}

}  // namespace
extern const OpDesc k_op_slice;
const OpDesc k_op_slice = {
    .name = "slice",
    .summary =
        "x f32[rows,G*n] -> f32[rows,G*width], columns start .. start + width - 1 of each group; "
        "groups, start, width",
    .infer = Infer,
    .reference = Reference,
    .row_wise = true};
}  // namespace tern
