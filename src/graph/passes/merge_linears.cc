#include <map>
#include <optional>
#include <tuple>

#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

// More would keep outputs alive that are wanted much later (cross-attention reads one input in every layer).
constexpr size_t kMaxWeights = 8;

struct Group {
  size_t first = 0;  // the node that takes the others in
  std::vector<ValueId> weights, biases, outputs;
};

// Whether all weights have an integer form, or none; nullopt where some have.
std::optional<bool> IsIntegerLinear(const Graph& graph, const Node& linear) {
  size_t integers = 0;
  for (const ValueId id : WeightsOf(linear)) integers += IsInteger(graph.value(id));
  if (integers != 0 && integers != WeightsOf(linear).size()) return std::nullopt;
  return integers != 0;
}

void Join(const Node& node, Group& group) {
  const std::span<const ValueId> weights = WeightsOf(node);
  group.weights.insert(group.weights.end(), weights.begin(), weights.end());
  const auto biases = node.inputs.begin() + static_cast<std::ptrdiff_t>(1 + weights.size());
  group.biases.insert(group.biases.end(), biases, node.inputs.end());
  group.outputs.insert(group.outputs.end(), node.outputs.begin(), node.outputs.end());
}

void Rewrite(const Group& group, Node& node) {
  const ValueId x = node.inputs[0];
  node.inputs = {x};
  node.inputs.insert(node.inputs.end(), group.weights.begin(), group.weights.end());
  node.inputs.insert(node.inputs.end(), group.biases.begin(), group.biases.end());
  node.outputs = group.outputs;
  node.attrs = {{"weights", static_cast<int64_t>(group.weights.size())}};
  if (!group.biases.empty()) node.attrs.Set("biases", static_cast<int64_t>(group.biases.size()));
}

// Linears on one input become one where the first of them stands: the input is read, and quantized, once, and
// the threads meet once instead of once per weight.
Result<int> Run(Graph& graph, const PassContext& context) {
  std::map<std::tuple<ValueId, bool, bool>, Group> groups;  // by input, integer, biased
  std::vector<bool> merged(graph.nodes().size(), false);
  int changes = 0;
  for (size_t i = 0; i < merged.size(); ++i) {
    const Node& node = graph.nodes()[i];
    if (!IsPlainLinear(graph, node)) continue;
    const std::optional<bool> integer = IsIntegerLinear(graph, node);
    if (!integer || !SupportsLinear(context.target, graph, WeightsOf(node), "merged")) continue;
    Group& group = groups[{node.inputs[0], *integer, FormOf(graph, node).has_bias}];
    const bool full = group.weights.size() + WeightsOf(node).size() > kMaxWeights;
    if (group.weights.empty() || full) {
      group = {.first = i, .weights = {}, .biases = {}, .outputs = {}};
      Join(node, group);
      continue;
    }
    Join(node, group);
    Rewrite(group, graph.nodes()[group.first]);
    merged[i] = true;
    ++changes;
  }
  EraseNodes(graph, merged);
  return changes;
}

}  // namespace
extern const PassDesc k_pass_merge_linears;
const PassDesc k_pass_merge_linears = {
    .name = "merge_linears", .summary = "linears that read one input (Q, K and V) as one node", .run = Run};
}  // namespace tern
