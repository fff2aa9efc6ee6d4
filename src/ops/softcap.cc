#include <cmath>

#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  if (!(attrs.Float("cap") > 0)) return BadInput("attribute cap: expected a positive number");
  return InferElementwise(inputs, 1);
}

void Reference(const OpArgs& args) {
  const double cap = args.attrs.Float("cap");
  MapElements(args, [cap](float x) { return static_cast<float>(cap * std::tanh(x / cap)); });
}

}  // namespace
extern const OpDesc k_op_softcap;
const OpDesc k_op_softcap = {.name = "softcap",
                             .summary = "x -> cap tanh(x / cap)",
                             .infer = Infer,
                             .reference = Reference,
                             .in_place = 1,
                             .row_wise = true};
}  // namespace tern
