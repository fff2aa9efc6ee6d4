#include "ops/activation.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

TypesResult Infer(TypeSpan inputs, const Attrs&) { return InferElementwise(inputs, 1); }

void Reference(const OpArgs& args) {
  MapElements(args, [](float x) { return static_cast<float>(GeluTanh(x)); });
}

}  // namespace
extern const OpDesc k_op_gelu_tanh;
const OpDesc k_op_gelu_tanh = {.name = "gelu_tanh",
                               .summary = "x -> x Phi(x), Phi by tanh",
                               .infer = Infer,
                               .reference = Reference,
                               .in_place = 1,
                               .row_wise = true};
}  // namespace tern
