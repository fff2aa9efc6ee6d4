#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

// A linear of one weight whose output nobody but the sum reads.
bool CanTakeResidual(const Graph& graph, const PassContext& context, const Node& node, int uses) {
  return uses == 1 && IsPlainLinear(graph, node) && node.outputs.size() == 1 &&
         SupportsLinear(context.target, graph, WeightsOf(node), "residual");
}

// add(linear(x, w), r) -> linear(x, w, r) {residual=1}, where the sum stood: r may be younger than the
// linear.
Result<int> Run(Graph& graph, const PassContext& context) {
  const std::vector<int> uses = graph.UseCounts();
  const std::vector<int> producers = graph.Producers();
  std::vector<bool> fused(graph.nodes().size(), false);
  int changes = 0;
  for (Node& add : graph.nodes()) {
    if (!IsOp(add, "add")) continue;
    for (size_t side = 0; side < 2; ++side) {
      const auto sum = static_cast<size_t>(add.inputs[side]);
      const ValueId residual = add.inputs[1 - side];
      if (producers[sum] < 0) continue;
      const auto at = static_cast<size_t>(producers[sum]);
      if (!CanTakeResidual(graph, context, graph.nodes()[at], uses[sum])) continue;
      const Node& linear = graph.nodes()[at];
      add.op = linear.op;
      add.inputs = linear.inputs;
      add.inputs.push_back(residual);
      add.attrs = linear.attrs;
      add.attrs.Set("residual", int64_t{1});
      fused[at] = true;
      ++changes;
      break;
    }
  }
  EraseNodes(graph, fused);
  return changes;
}

}  // namespace
extern const PassDesc k_pass_fuse_residual;
const PassDesc k_pass_fuse_residual = {
    .name = "fuse_residual", .summary = "the sum behind a projection as its epilogue", .run = Run};
}  // namespace tern
