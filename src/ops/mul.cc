#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) { return InferElementwise(inputs, 2); }

void Reference(const OpArgs& args) {
  MapPairs(args, [](float x, float y) { return x * y; });
}

}  // namespace
extern const OpDesc k_op_mul;
const OpDesc k_op_mul = {.name = "mul",
                         .summary = "x, y -> x * y",
                         .infer = Infer,
                         .reference = Reference,
                         .in_place = 2,
                         .row_wise = true};
}  // namespace tern
