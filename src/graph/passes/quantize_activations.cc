#include <map>

#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

// The weights that input 0 is multiplied with. A moe_mlp's third, down, sees what the node itself makes.
std::span<const ValueId> Readers(const Node& node) {
  const std::span<const ValueId> weights = MultipliedWeights(node);
  return IsOp(node, "moe_mlp") ? weights.first(2) : weights;
}

// "q8,q8,q16": the form of x that each weight is multiplied with.
std::string Forms(const Graph& graph, const Node& node) {
  std::string forms;
  for (const ValueId id : Readers(node)) {
    forms += (forms.empty() ? "" : ",") + std::string(ElemName(graph.value(id).activation));
  }
  return forms;
}

class Quantizer {
 public:
  explicit Quantizer(Graph& graph, const Target& target) : graph_(graph), target_(target) {}

  Result<int> Run() {
    for (const Node& node : graph_.nodes()) {
      if (!Wants(node)) continue;
      Elem& form = form_[node.inputs[0]];
      for (const ValueId id : Readers(node)) form = Wider(form, graph_.value(id).activation);
    }
    std::vector<Node> nodes = std::move(graph_.nodes());
    graph_.nodes().clear();
    int changes = 0;
    for (Node& node : nodes) {
      if (Wants(node)) {
        node.attrs.Set("forms", Forms(graph_, node));
        TERN_TRY(node.inputs[0], Quantized(node.inputs[0]));
        ++changes;
      }
      changes += QuantizeHidden(node);
      graph_.nodes().push_back(std::move(node));
    }
    return changes;
  }

 private:
  static Elem Wider(Elem a, Elem b) { return a == Elem::kQ16 || b == Elem::kQ16 ? Elem::kQ16 : Elem::kQ8; }

  // All weights have an integer form. One that has none keeps its whole node in f32.
  bool Wants(const Node& node) const {
    const std::span<const ValueId> readers = Readers(node);
    if (readers.empty() || graph_.value(node.inputs[0]).type.elem != Elem::kF32) return false;
    Elem form = Elem::kQ8;
    for (const ValueId id : readers) {
      if (!IsInteger(graph_.value(id))) return false;
      form = Wider(form, graph_.value(id).activation);
    }
    return target_.Supports({.op = "quantize", .activation = form});
  }

  // Between its projections a moe_mlp quantizes by itself.
  bool QuantizeHidden(Node& node) const {
    if (!IsOp(node, "moe_mlp") || node.attrs.all().contains("hidden")) return false;
    const Value& down = graph_.value(MultipliedWeights(node)[2]);
    if (!IsInteger(down)) return false;
    node.attrs.Set("hidden", std::string(ElemName(down.activation)));
    return true;
  }

  // Quantized once per value, in front of its first reader: q16 rows serve q8 readers too.
  Result<ValueId> Quantized(ValueId x) {
    const auto found = quantized_.find(x);
    if (found != quantized_.end()) return found->second;
    Attrs attrs;
    if (form_[x] == Elem::kQ16) attrs.Set("precise", int64_t{1});
    TERN_TRY(const std::vector<ValueId> outputs, graph_.Add(*FindOp("quantize"), {x}, std::move(attrs)));
    quantized_.emplace(x, outputs[0]);
    return outputs[0];
  }

  Graph& graph_;
  const Target& target_;
  std::map<ValueId, Elem> form_;          // by f32 value
  std::map<ValueId, ValueId> quantized_;  // by f32 value
};

Result<int> Run(Graph& graph, const PassContext& context) { return Quantizer(graph, context.target).Run(); }

}  // namespace
extern const PassDesc k_pass_quantize_activations;
const PassDesc k_pass_quantize_activations = {
    .name = "quantize_activations",
    .summary = "quantizes the input of linears and experts whose weights choose_precision marked",
    .budget = "what choose_precision was granted",
    .run = Run};
}  // namespace tern
