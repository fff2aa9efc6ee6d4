#include "ops/activation.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) { return InferElementwise(inputs, 1); }

void Reference(const OpArgs& args) {
  MapElements(args, [](float x) { return static_cast<float>(Gelu(x)); });
}

}  // namespace
extern const OpDesc k_op_gelu;
const OpDesc k_op_gelu = {.name = "gelu",
                          .summary = "x -> x Phi(x), by erf",
                          .infer = Infer,
                          .reference = Reference,
                          .in_place = 1,
                          .row_wise = true};
}  // namespace tern
