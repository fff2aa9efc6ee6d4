#include "graph/rewrite.h"

#include "ops/moe_mlp.h"

namespace tern {

void EraseNodes(Graph& graph, const std::vector<bool>& marks) {
  std::vector<Node> kept;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    if (!marks[i]) kept.push_back(std::move(graph.nodes()[i]));
  }
  graph.nodes() = std::move(kept);
}

LinearForm FormOf(const Graph& graph, const Node& linear) {
  auto form = ParseLinear(linear.attrs, graph.value(linear.inputs[0]).type.elem);
  TERN_CHECK(form.ok());
  return std::move(form).value();
}

bool IsPlainLinear(const Graph& graph, const Node& node) {
  if (!IsOp(node, "linear") || graph.value(node.inputs[0]).type.elem != Elem::kF32) return false;
  const LinearForm form = FormOf(graph, node);
  return !form.has_residual && form.glu.empty() && form.output == Elem::kF32;
}

std::span<const ValueId> WeightsOf(const Node& linear) {
  return std::span(linear.inputs).subspan(1, static_cast<size_t>(linear.attrs.Int("weights", 1)));
}

std::span<const ValueId> MultipliedWeights(const Node& node) {
  if (IsOp(node, "linear")) return WeightsOf(node);
  if (IsOp(node, "head_linear")) return std::span(node.inputs).subspan(1, 1);
  if (IsOp(node, "moe_mlp")) return std::span(node.inputs).subspan(MoeMlpForm::kGate, 3);
  return {};
}

bool IsInteger(const Value& weight) { return weight.activation != Elem::kF32; }

bool SupportsLinear(const Target& target, const Graph& graph, std::span<const ValueId> weights,
                    std::string_view variant) {
  for (const ValueId id : weights) {
    const Value& weight = graph.value(id);
    if (!target.Supports({"linear", weight.type.format, weight.activation, variant})) return false;
  }
  return true;
}

bool IsWorthScreening(const Target& target, const Graph& graph, ValueId weight) {
  constexpr int64_t kLeastTokens = 100000;  // below, a screen costs what it saves
  const Value& w = graph.value(weight);
  return w.type.shape.size() == 2 && w.type.shape[0] >= kLeastTokens && w.activation == Elem::kQ16 &&
         SupportsLinear(target, graph, {&weight, 1}, "likeliest");
}

std::string_view PlaceOf(std::string_view weight) {
  constexpr std::string_view kLayer = "blk.";
  return weight.starts_with(kLayer) ? weight.substr(0, weight.find('.', kLayer.size())) : weight;
}

}  // namespace tern
