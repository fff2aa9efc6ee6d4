#include <map>
#include <string_view>
#include <tuple>

#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

// Constants up to this size are compared by what they hold, larger ones by where they lie.
constexpr size_t kMaxComparedBytes = 64 << 10;

using ConstantKey = std::tuple<const Format*, Shape, std::string_view, Elem, const void*, std::string_view>;

ConstantKey KeyOf(const Value& value) {
  const Tensor tensor = value.tensor();
  const size_t bytes = static_cast<size_t>(tensor.rows()) * tensor.row_bytes();
  const bool small = bytes <= kMaxComparedBytes;
  return {tensor.format,
          tensor.shape,
          value.role,
          value.activation,
          small ? nullptr : tensor.data,
          small ? std::string_view(static_cast<const char*>(tensor.data), bytes) : std::string_view()};
}

using NodeKey =
    std::tuple<const OpDesc*, std::vector<ValueId>, std::map<std::string, AttrValue, std::less<>>>;

class Merger {
 public:
  explicit Merger(Graph& graph) : graph_(graph), same_as_(graph.value_count(), kNoValue) {}

  // In execution order, so that the inputs of a node are merged before the node is looked at.
  int Run() {
    std::vector<bool> merged(graph_.nodes().size(), false);
    for (size_t i = 0; i < merged.size(); ++i) {
      Node& node = graph_.nodes()[i];
      for (ValueId& id : node.inputs) id = First(id);
      merged[i] = !node.op->has_effect && Merge(node);
    }
    for (ValueId& id : graph_.outputs()) id = First(id);
    EraseNodes(graph_, merged);
    return changes_;
  }

 private:
  // The value that stands for this one.
  ValueId First(ValueId id) {
    ValueId& first = same_as_[static_cast<size_t>(id)];
    if (first != kNoValue) return first;
    first = id;
    const Value& value = graph_.value(id);
    if (!value.is_weight() || value.data == nullptr) return first;
    first = constants_.emplace(KeyOf(value), id).first->second;
    changes_ += first != id;
    return first;
  }

  bool Merge(const Node& node) {
    const auto [found, is_new] =
        nodes_.emplace(NodeKey{node.op, node.inputs, node.attrs.all()}, node.outputs);
    if (is_new) return false;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      same_as_[static_cast<size_t>(node.outputs[i])] = found->second[i];
    }
    ++changes_;
    return true;
  }

  Graph& graph_;
  std::vector<ValueId> same_as_;  // by ValueId; kNoValue: not looked at yet
  std::map<ConstantKey, ValueId> constants_;
  std::map<NodeKey, std::vector<ValueId>> nodes_;
  int changes_ = 0;
};

Result<int> Run(Graph& graph, const PassContext&) { return Merger(graph).Run(); }

}  // namespace
extern const PassDesc k_pass_merge_common;
const PassDesc k_pass_merge_common = {
    .name = "merge_common", .summary = "computes what two nodes compute only once", .run = Run};
}  // namespace tern
