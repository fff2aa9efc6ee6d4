#include "ops/activation.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) { return InferElementwise(inputs, 1); }

void Reference(const OpArgs& args) {
  MapElements(args, [](float x) { return static_cast<float>(Relu2(x)); });
}

}  // namespace
extern const OpDesc k_op_relu2;
const OpDesc k_op_relu2 = {.name = "relu2",
                           .summary = "x -> max(x, 0)^2",
                           .infer = Infer,
                           .reference = Reference,
                           .in_place = 1,
                           .row_wise = true};
}  // namespace tern
