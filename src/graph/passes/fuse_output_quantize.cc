#include "graph/pass.h"
#include "graph/rewrite.h"
#include "ops/attention.h"
#include "ops/quantized_rows.h"

namespace tern {
namespace {

// Whether a node of f32 rows can write them in this form.
bool CanWrite(const Target& target, const Graph& graph, const Node& node, std::string_view form) {
  if (graph.value(node.outputs[0]).type.elem != Elem::kF32) return false;
  if (IsOp(node, "attention")) {
    return ParseAttention(node.attrs).value().v_dim % kActGroup == 0 &&
           target.Supports({.op = "attention", .variant = form});
  }
  return IsOp(node, "linear") && node.outputs.size() == 1 &&
         SupportsLinear(target, graph, WeightsOf(node), form);
}

// quantize(x) -> x with {output=q8|q16}, where x is a linear or an attention that nothing else reads. Between
// a gated pair of projections and the one behind them, no f32 rows are written at all.
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
    const Node& producer = graph.nodes()[at];
    const std::string_view form = ElemName(graph.value(node.outputs[0]).type.elem);
    if (!CanWrite(context.target, graph, producer, form)) continue;
    Attrs attrs = producer.attrs;
    attrs.Set("output", std::string(form));
    node = {.op = producer.op, .inputs = producer.inputs, .outputs = node.outputs, .attrs = std::move(attrs)};
    fused[at] = true;
    ++changes;
  }
  EraseNodes(graph, fused);
  return changes;
}

}  // namespace
extern const PassDesc k_pass_fuse_output_quantize;
const PassDesc k_pass_fuse_output_quantize = {
    .name = "fuse_output_quantize",
    .summary = "the quantization behind a linear or an attention as its epilogue",
    .run = Run};
}  // namespace tern
