#include <algorithm>

#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

bool IsConstant(const Value& value) {
  return value.is_weight() && value.type.format == &F32() && value.data != nullptr;
}

// Every input is a constant in f32, and so is what the op makes of them (its shape rule says so).
bool CanFold(const Graph& graph, const Node& node) {
  const auto constant = [&](ValueId id) { return IsConstant(graph.value(id)); };
  const auto weight = [&](ValueId id) { return graph.value(id).is_weight(); };
  return !node.op->has_effect && !node.inputs.empty() &&
         std::all_of(node.inputs.begin(), node.inputs.end(), constant) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), weight);
}

void Fold(Graph& graph, const Node& node) {
  std::vector<View> in, out;
  for (const ValueId id : node.inputs) {
    const Value& value = graph.value(id);
    in.push_back({Elem::kWeight, value.type.shape, value.type.format, const_cast<void*>(value.data)});
  }
  for (const ValueId id : node.outputs) {
    const ValueType& type = graph.value(id).type;
    void* data = graph.Keep(Buffer(static_cast<size_t>(Elements(type.shape)) * sizeof(float)));
    graph.value(id).data = data;
    out.push_back({Elem::kWeight, type.shape, type.format, data});
  }
  node.op->reference({in, out, node.attrs, Batch{}});
}

Result<int> Run(Graph& graph, const PassContext&) {
  std::vector<bool> folded(graph.nodes().size(), false);
  int changes = 0;
  for (size_t i = 0; i < folded.size(); ++i) {
    if (!CanFold(graph, graph.nodes()[i])) continue;
    Fold(graph, graph.nodes()[i]);
    folded[i] = true;
    ++changes;
  }
  EraseNodes(graph, folded);
  return changes;
}

}  // namespace
extern const PassDesc k_pass_fold_constants;
const PassDesc k_pass_fold_constants = {
    .name = "fold_constants", .summary = "computes what depends on constants only", .run = Run};
}  // namespace tern
