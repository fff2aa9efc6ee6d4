// Takes the second activation plane (q16 -> q8) from the weights of a layer, or from the head. What
// choose_precision picks is right on average; a model's own insensitive layers need less.

#include <map>

#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

// Calls visit(weight) for each weight that multiplies two planes and could do with one.
template <class Visit>
void ForEachTwoPlaneWeight(const Graph& graph, const Target& target, const Visit& visit) {
  for (const Node& node : graph.nodes()) {
    for (const ValueId id : MultipliedWeights(node)) {
      const Value& weight = graph.value(id);
      const OpKey key{.op = node.op->name, .weight = weight.type.format, .activation = Elem::kQ8};
      if (weight.activation == Elem::kQ16 && target.Supports(key)) visit(id);
    }
  }
}

std::vector<Offer> Offers(const Graph& graph, const PassContext& context) {
  std::map<std::string, double> saved;
  ForEachTwoPlaneWeight(graph, context.target, [&](ValueId id) {
    const Value& weight = graph.value(id);
    // A head of one plane is not screened, and slower for it.
    if (weight.role == "head" && IsWorthScreening(context.target, graph, id)) return;
    saved["lower_precision:" + std::string(PlaceOf(weight.name))] +=
        static_cast<double>(Elements(weight.type.shape));
  });
  std::vector<Offer> offers;
  for (const auto& [name, multiplications] : saved) offers.push_back({name, multiplications});
  return offers;
}

Result<int> Run(Graph& graph, const PassContext& context) {
  int changes = 0;
  ForEachTwoPlaneWeight(graph, context.target, [&](ValueId id) {
    Value& weight = graph.value(id);
    if (!IsGranted(context, "lower_precision", PlaceOf(weight.name))) return;
    weight.activation = Elem::kQ8;
    ++changes;
  });
  return changes;
}

}  // namespace
extern const PassDesc k_pass_lower_precision;
const PassDesc k_pass_lower_precision = {
    .name = "lower_precision",
    .summary = "multiplies int8 instead of int16-class activations where that was granted",
    .budget = "what --error-budget grants, measured",
    .run = Run,
    .offers = Offers};
}  // namespace tern
