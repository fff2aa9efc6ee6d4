#include "graph/pass.h"

namespace tern {
namespace {

// Backwards: a node lives if it has an effect or a later living node or the graph reads one of its outputs.
Result<int> Run(Graph& graph, const PassContext&) {
  std::vector<bool> read(graph.value_count(), false);
  for (const ValueId id : graph.outputs()) read[static_cast<size_t>(id)] = true;
  std::vector<Node>& nodes = graph.nodes();
  std::vector<bool> alive(nodes.size(), false);
  for (size_t i = nodes.size(); i-- > 0;) {
    bool live = nodes[i].op->has_effect;
    for (const ValueId id : nodes[i].outputs) live = live || read[static_cast<size_t>(id)];
    alive[i] = live;
    if (!live) continue;
    for (const ValueId id : nodes[i].inputs) read[static_cast<size_t>(id)] = true;
  }
  std::vector<Node> kept;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (alive[i]) kept.push_back(std::move(nodes[i]));
  }
  const auto dropped = static_cast<int>(nodes.size() - kept.size());
  nodes = std::move(kept);
  return dropped;
}

}  // namespace
extern const PassDesc k_pass_drop_dead_nodes;
const PassDesc k_pass_drop_dead_nodes = {
    .name = "drop_dead_nodes", .summary = "removes nodes whose results nobody reads", .run = Run};
}  // namespace tern
