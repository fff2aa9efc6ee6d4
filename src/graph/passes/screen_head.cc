// A decode step of a model with many tokens is spent in its head, and sampling looks at a few logits. This
// lets the head leave out what cannot be among them (docs/decisions/0010-a-screened-head.md).

#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

bool MayScreen(const Graph& graph, const PassContext& context, const Node& node) {
  if (!IsOp(node, "linear") || node.inputs.size() != 2 || node.outputs.size() != 1) return false;
  const Value& x = graph.value(node.inputs[0]);
  return IsWorthScreening(context.target, graph, node.inputs[1]) && x.type.elem == Elem::kQ16 &&
         x.type.shape[0] == kDimOutputs && node.attrs.Str("output", "f32") == "f32" &&
         node.attrs.Int("likeliest") == 0 && graph.outputs().size() == 1 &&
         graph.outputs()[0] == node.outputs[0];
}

Result<int> Run(Graph& graph, const PassContext& context) {
  int changes = 0;
  for (Node& node : graph.nodes()) {
    if (!MayScreen(graph, context, node)) continue;
    node.attrs.Set("likeliest", int64_t{1});
    ++changes;
  }
  return changes;
}

}  // namespace
extern const PassDesc k_pass_screen_head;
const PassDesc k_pass_screen_head = {
    .name = "screen_head",
    .summary = "lets a large head leave out logits that sampling does not look at",
    .run = Run};
}  // namespace tern
