// Leaves out layers that hardly change what they are given. A layer is what stands between the first use of a
// weight "blk.N.*" and the first of "blk.N+1.*"; it can go where one value comes in, one of the same type
// goes out, and nothing else of it is read later. The first and the last layer always stay.

#include <algorithm>
#include <charconv>
#include <optional>

#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

// N of a node with a weight "blk.N.*"; -1: none.
int LayerOf(const Graph& graph, const Node& node) {
  constexpr std::string_view kLayer = "blk.";
  int layer = -1;
  for (const ValueId id : node.inputs) {
    const Value& value = graph.value(id);
    if (!value.is_weight() || !value.name.starts_with(kLayer)) continue;
    std::from_chars(value.name.data() + kLayer.size(), value.name.data() + value.name.size(), layer);
  }
  return layer;
}

struct Layer {
  int number;
  size_t begin, end;  // nodes
  ValueId in, out;
};

// Layers in order of execution: number and first node. Empty where they do not stand one after another.
std::vector<std::pair<int, size_t>> FindStarts(const Graph& graph) {
  std::vector<std::pair<int, size_t>> starts;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const int layer = LayerOf(graph, graph.nodes()[i]);
    if (layer < 0 || (!starts.empty() && layer == starts.back().first)) continue;
    if (!starts.empty() && layer < starts.back().first) return {};
    starts.emplace_back(layer, i);
  }
  return starts;
}

// The last node (or, behind all, the graph's outputs) that reads each value; -1: none.
std::vector<int> LastUses(const Graph& graph) {
  std::vector<int> last(graph.value_count(), -1);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    for (const ValueId id : graph.nodes()[i].inputs) last[static_cast<size_t>(id)] = static_cast<int>(i);
  }
  for (const ValueId id : graph.outputs())
    last[static_cast<size_t>(id)] = static_cast<int>(graph.nodes().size());
  return last;
}

// The only value made by nodes [made_from, begin) whose last reader is in [begin, end).
std::optional<ValueId> OnlyValue(const Graph& graph, const std::vector<int>& last_uses, size_t made_from,
                                 size_t begin, size_t end) {
  std::optional<ValueId> only;
  for (size_t i = made_from; i < begin; ++i) {
    for (const ValueId id : graph.nodes()[i].outputs) {
      const int last = last_uses[static_cast<size_t>(id)];
      if (last < static_cast<int>(begin) || last >= static_cast<int>(end)) continue;
      if (only) return std::nullopt;
      only = id;
    }
  }
  return only;
}

std::vector<Layer> FindLayers(const Graph& graph) {
  const auto starts = FindStarts(graph);
  const std::vector<int> last_uses = LastUses(graph);
  std::vector<Layer> layers;
  for (size_t n = 1; n + 1 < starts.size(); ++n) {
    const size_t begin = starts[n].second, end = starts[n + 1].second;
    const auto in = OnlyValue(graph, last_uses, 0, begin, end);
    const auto out = OnlyValue(graph, last_uses, begin, end, graph.nodes().size() + 1);
    if (!in || !out || graph.value(*in).type != graph.value(*out).type) continue;
    layers.push_back({starts[n].first, begin, end, *in, *out});
  }
  return layers;
}

std::string Place(const Layer& layer) { return "blk." + std::to_string(layer.number); }

std::vector<Offer> Offers(const Graph& graph, const PassContext&) {
  std::vector<Offer> offers;
  for (const Layer& layer : FindLayers(graph)) {
    Offer offer{"skip_layers:" + Place(layer)};
    for (size_t i = layer.begin; i < layer.end; ++i) {
      for (const ValueId id : MultipliedWeights(graph.nodes()[i])) {
        offer.saved += static_cast<double>(Elements(graph.value(id).type.shape));
      }
    }
    offers.push_back(offer);
  }
  return offers;
}

Result<int> Run(Graph& graph, const PassContext& context) {
  std::vector<bool> erased(graph.nodes().size(), false);
  std::vector<Layer> skipped = FindLayers(graph);
  std::erase_if(skipped, [&](const Layer& l) { return !IsGranted(context, "skip_layers", Place(l)); });
  // From the last to the first: what a layer reads is then still what the one before it makes.
  std::reverse(skipped.begin(), skipped.end());
  for (const Layer& layer : skipped) {
    graph.ReplaceUses(layer.out, layer.in);
    std::fill_n(erased.begin() + static_cast<std::ptrdiff_t>(layer.begin), layer.end - layer.begin, true);
  }
  EraseNodes(graph, erased);
  return static_cast<int>(skipped.size());
}

}  // namespace
extern const PassDesc k_pass_skip_layers;
const PassDesc k_pass_skip_layers = {.name = "skip_layers",
                                     .summary = "leaves out layers where that was granted",
                                     .budget = "what --error-budget grants, measured",
                                     .run = Run,
                                     .offers = Offers};
}  // namespace tern
