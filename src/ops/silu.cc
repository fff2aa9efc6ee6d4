#include "ops/activation.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) { return InferElementwise(inputs, 1); }

void Reference(const OpArgs& args) {
  MapElements(args, [](float x) { return static_cast<float>(Silu(x)); });
}

}  // namespace
extern const OpDesc k_op_silu;
const OpDesc k_op_silu = {.name = "silu",
                          .summary = "x -> x / (1 + e^-x)",
                          .infer = Infer,
                          .reference = Reference,
                          .in_place = 1,
                          .row_wise = true};
}  // namespace tern
