// Weights that a file stores as f32 leave an f32 multiplication nothing to save. Rounded to 13 bits per 128
// inputs, rows likewise, they are multiplied as integers at twice the rate, and one in half the memory.

#include <algorithm>

#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

bool MayRound(const Graph& graph, const PassContext& context, const Node& node) {
  if (!IsOp(node, "linear") || node.attrs.Int("int16") != 0) return false;
  if (graph.value(node.inputs[0]).type.elem != Elem::kF32) return false;
  const std::span<const ValueId> weights = WeightsOf(node);
  const bool all_f32 = std::all_of(weights.begin(), weights.end(),
                                   [&](ValueId id) { return graph.value(id).type.format == &F32(); });
  return all_f32 && SupportsLinear(context.target, graph, weights, "int16");
}

Result<int> Run(Graph& graph, const PassContext& context) {
  if (context.precision != Precision::kFast && context.precision != Precision::kDefault) return 0;
  int changes = 0;
  for (Node& node : graph.nodes()) {
    if (!MayRound(graph, context, node)) continue;
    node.attrs.Set("int16", int64_t{1});
    ++changes;
  }
  return changes;
}

}  // namespace
extern const PassDesc k_pass_round_floats;
const PassDesc k_pass_round_floats = {.name = "round_floats",
                                      .summary = "lets linears round f32 rows and weights to int16 codes",
                                      .budget = "mean KLD to f32: fast and default 0.00001, else 0",
                                      .run = Run};
}  // namespace tern
