#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) { return InferElementwise(inputs, 1); }

void Reference(const OpArgs& args) {
  const auto by = static_cast<float>(args.attrs.Float("by", 1));
  MapElements(args, [by](float x) { return x * by; });
}

}  // namespace
extern const OpDesc k_op_scale;
const OpDesc k_op_scale = {.name = "scale",
                           .summary = "x -> x * by",
                           .infer = Infer,
                           .reference = Reference,
                           .in_place = 1,
                           .row_wise = true};
}  // namespace tern
