#include <algorithm>

#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs& attrs) {
  if (!(attrs.Float("limit") > 0)) return BadInput("attribute limit: expected a positive number");
  return InferElementwise(inputs, 1);
}

void Reference(const OpArgs& args) {
  const auto limit = static_cast<float>(args.attrs.Float("limit"));
  MapElements(args, [limit](float x) { return std::clamp(x, -limit, limit); });
}

}  // namespace
extern const OpDesc k_op_clamp;
const OpDesc k_op_clamp = {.name = "clamp",
                           .summary = "x -> min(max(x, -limit), limit)",
                           .infer = Infer,
                           .reference = Reference,
                           .in_place = 1,
                           .row_wise = true};
}  // namespace tern
