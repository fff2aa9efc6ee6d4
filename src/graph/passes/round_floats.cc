// Float weights multiplied as floats leave most machines half of what they can do. bf16 weights stay as they
// are where the machine multiplies bf16, and their rows are rounded to it; elsewhere, and for f32 and f16,
// weights and rows are rounded to 13 bits per 128 inputs and multiplied as integers. So are all of a model
// whose result is vectors: bf16 rows cost an embedding's cosine 0.00001, int16 codes a quarter of that.

#include <algorithm>

#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

bool MayRound(const Graph& graph, const PassContext& context, const Node& node, std::string_view to) {
  const auto supports = [&](ValueId id) {
    const Value& weight = graph.value(id);
    const std::string_view format = weight.type.format->name;
    const bool rounds = format == "bf16" || (to == "int16" && (format == "f16" || format == "f32"));
    return rounds && context.target.Supports({node.op->name, weight.type.format, weight.activation, to});
  };
  const std::span<const ValueId> weights = MultipliedWeights(node);
  return !weights.empty() && graph.value(node.inputs[0]).type.elem == Elem::kF32 &&
         std::all_of(weights.begin(), weights.end(), supports);
}

bool GivesLogits(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    for (const ValueId id : MultipliedWeights(node)) {
      if (graph.value(id).role == "head") return true;
    }
  }
  return false;
}

Result<int> Run(Graph& graph, const PassContext& context) {
  if (context.precision != Precision::kFast && context.precision != Precision::kDefault) return 0;
  const bool logits = GivesLogits(graph);
  int changes = 0;
  for (Node& node : graph.nodes()) {
    if (node.attrs.all().contains("round")) continue;
    for (const std::string_view to : {"bf16", "int16"}) {
      if ((to == "bf16" && !logits) || !MayRound(graph, context, node, to)) continue;
      node.attrs.Set("round", std::string(to));
      ++changes;
      break;
    }
  }
  return changes;
}

}  // namespace
extern const PassDesc k_pass_round_floats;
const PassDesc k_pass_round_floats = {
    .name = "round_floats",
    .summary = "lets linears round f32 rows to bf16, or with their weights to int16 codes",
    .budget = "mean KLD to f32: fast and default 0.0002, else 0",
    .run = Run};
}  // namespace tern
