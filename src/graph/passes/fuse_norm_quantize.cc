#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

// The op that is a norm and quantize at once; null where `norm` is no norm.
const OpDesc* FusedNorm(const Node& norm) {
  if (IsOp(norm, "rms_norm")) return FindOp("rms_norm_quantize");
  return IsOp(norm, "layer_norm") ? FindOp("layer_norm_quantize") : nullptr;
}

// quantize(rms_norm(x, w)) -> rms_norm_quantize(x, w), where nothing else reads the norm; layer_norm too.
Result<int> Run(Graph& graph, const PassContext& context) {
  const std::vector<int> uses = graph.UseCounts();
  const std::vector<int> producers = graph.Producers();
  std::vector<bool> fused(graph.nodes().size(), false);
  int changes = 0;
  for (Node& node : graph.nodes()) {
    if (!IsOp(node, "quantize")) continue;
    const auto x = static_cast<size_t>(node.inputs[0]);
    if (producers[x] < 0 || uses[x] != 1) continue;
    const auto at = static_cast<size_t>(producers[x]);
    const Node& norm = graph.nodes()[at];
    const Elem form = graph.value(node.outputs[0]).type.elem;
    const OpDesc* op = FusedNorm(norm);
    if (op == nullptr || !context.target.Supports({.op = op->name, .activation = form})) continue;
    Attrs attrs = norm.attrs;
    if (form == Elem::kQ16) attrs.Set("precise", int64_t{1});
    node = {.op = op, .inputs = norm.inputs, .outputs = node.outputs, .attrs = std::move(attrs)};
    fused[at] = true;
    ++changes;
  }
  EraseNodes(graph, fused);
  return changes;
}

}  // namespace
extern const PassDesc k_pass_fuse_norm_quantize;
const PassDesc k_pass_fuse_norm_quantize = {
    .name = "fuse_norm_quantize", .summary = "a norm that is only quantized as one node", .run = Run};
}  // namespace tern
