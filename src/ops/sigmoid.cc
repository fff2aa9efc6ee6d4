#include "ops/activation.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) { return InferElementwise(inputs, 1); }

void Reference(const OpArgs& args) {
  MapElements(args, [](float x) { return static_cast<float>(Sigmoid(x)); });
}

}  // namespace
extern const OpDesc k_op_sigmoid;
const OpDesc k_op_sigmoid = {.name = "sigmoid",
                             .summary = "x -> 1 / (1 + e^-x)",
                             .infer = Infer,
                             .reference = Reference,
                             .in_place = 1,
                             .row_wise = true};
}  // namespace tern
