#include "ops/output_rows.h"
#include "ops/quantized_rows.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  TERN_TRY_STATUS(ExpectCount(inputs, 1));
  TERN_TRY_STATUS(ExpectRows("x", inputs[0], Elem::kF32));
  TERN_TRY_STATUS(ExpectMultiple("x", inputs[0], kActGroup));
  const Elem elem = attrs.Int("precise") != 0 ? Elem::kQ16 : Elem::kQ8;
  return std::vector<ValueType>{{elem, inputs[0].shape}};
}

void Reference(const OpArgs& args) {
  const View& x = args.inputs[0];
  WriteRows({x.f32(), static_cast<size_t>(Elements(x.shape))}, args.outputs[0]);
}

}  // namespace
extern const OpDesc k_op_quantize;
const OpDesc k_op_quantize = {.name = "quantize",
                              .summary = "x f32[rows,K] -> q8[rows,K], with precise=1 q16[rows,K]",
                              .infer = Infer,
                              .reference = Reference,
                              .row_wise = true};
}  // namespace tern
