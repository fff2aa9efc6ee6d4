#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

// A linear of one f32 output.
bool HasOneOutput(const Graph& graph, const Node& node) {
  return IsOp(node, "linear") && node.outputs.size() == 1 && FormOf(graph, node).output == Elem::kF32;
}

// quantize(linear(...)) -> linear(...) {output=q8|q16}, where nothing else reads the linear. Between a gated
// pair of projections and the one behind them, no f32 rows are written at all.
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
    const Node& linear = graph.nodes()[at];
    const std::string_view form = ElemName(graph.value(node.outputs[0]).type.elem);
    if (!HasOneOutput(graph, linear) || !SupportsLinear(context.target, graph, WeightsOf(linear), form))
      continue;
    Attrs attrs = linear.attrs;
    attrs.Set("output", std::string(form));
    node = {.op = linear.op, .inputs = linear.inputs, .outputs = node.outputs, .attrs = std::move(attrs)};
    fused[at] = true;
    ++changes;
  }
  EraseNodes(graph, fused);
  return changes;
}

}  // namespace
extern const PassDesc k_pass_fuse_output_quantize;
const PassDesc k_pass_fuse_output_quantize = {.name = "fuse_output_quantize",
                                              .summary = "the quantization behind a linear as its epilogue",
                                              .run = Run};
}  // namespace tern
