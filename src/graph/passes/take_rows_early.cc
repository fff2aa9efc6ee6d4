// In a prefill step most rows are read only by attention of later layers; the last layer has no later one.
// What follows its attention works row by row, so it commutes with taking the wanted rows: the same bits for
// R rows instead of T.

#include <map>

#include "graph/pass.h"
#include "graph/rewrite.h"

namespace tern {
namespace {

bool HasTokenRows(const ValueType& type) { return !type.shape.empty() && type.shape[0] == kDimTokens; }

class Sinker {
 public:
  explicit Sinker(Graph& graph)
      : graph_(graph), readers_(graph.value_count()), sinks_(graph.nodes().size()) {}

  Result<int> Run() {
    if (!FindRows()) return 0;
    for (size_t i = 0; i < graph_.nodes().size(); ++i) {
      for (const ValueId id : graph_.nodes()[i].inputs) readers_[Index(id)].push_back(i);
    }
    bool pays = false;
    int changes = 0;
    for (size_t i = sinks_.size(); i-- > 0;) {
      sinks_[i] = CanSink(graph_.nodes()[i]);
      changes += sinks_[i];
      pays = pays || (sinks_[i] && !MultipliedWeights(graph_.nodes()[i]).empty());
    }
    if (!pays) return 0;
    TERN_TRY_STATUS(Rebuild());
    return changes;
  }

 private:
  static size_t Index(ValueId id) { return static_cast<size_t>(id); }

  // The graph input that all take_rows share.
  bool FindRows() {
    for (const Node& node : graph_.nodes()) {
      if (!IsOp(node, "take_rows")) continue;
      if (rows_ != kNoValue && rows_ != node.inputs[1]) return false;
      rows_ = node.inputs[1];
    }
    for (const ValueId id : graph_.inputs()) {
      if (id == rows_) return true;
    }
    return false;
  }

  // Only rows are taken of what the node makes, and rows can be taken of what it reads.
  bool CanSink(const Node& node) const {
    if (!node.op->row_wise) return false;
    for (const ValueId id : node.inputs) {
      const ValueType& type = graph_.value(id).type;
      const bool takes = type.elem == Elem::kF32 || (type.elem == Elem::kI32 && type.shape.size() == 2);
      if (HasTokenRows(type) && !takes) return false;
    }
    for (const ValueId id : node.outputs) {
      if (!HasTokenRows(graph_.value(id).type) || !OnlyRowsAreTaken(id)) return false;
    }
    return true;
  }

  bool OnlyRowsAreTaken(ValueId id) const {
    for (const ValueId output : graph_.outputs()) {
      if (output == id) return false;
    }
    for (const size_t reader : readers_[Index(id)]) {
      if (!sinks_[reader] && !IsOp(graph_.nodes()[reader], "take_rows")) return false;
    }
    return !readers_[Index(id)].empty();
  }

  Status Rebuild() {
    std::vector<Node> nodes = std::move(graph_.nodes());
    graph_.nodes().clear();
    std::vector<bool> has_few_rows(graph_.value_count(), false);
    std::vector<std::pair<ValueId, ValueId>> replaced;
    for (size_t i = 0; i < nodes.size(); ++i) {
      Node& node = nodes[i];
      if (IsOp(node, "take_rows") && has_few_rows[Index(node.inputs[0])]) {
        replaced.emplace_back(node.outputs[0], node.inputs[0]);
        continue;
      }
      if (sinks_[i]) {
        for (ValueId& id : node.inputs) {
          if (!HasTokenRows(graph_.value(id).type)) continue;
          TERN_TRY(id, TakeRows(id));
        }
        for (const ValueId id : node.outputs) {
          graph_.value(id).type.shape[0] = kDimOutputs;
          has_few_rows[Index(id)] = true;
        }
      }
      graph_.nodes().push_back(std::move(node));
    }
    for (const auto& [from, to] : replaced) graph_.ReplaceUses(from, to);
    return {};
  }

  Result<ValueId> TakeRows(ValueId id) {
    const auto found = taken_.find(id);
    if (found != taken_.end()) return found->second;
    TERN_TRY(const std::vector<ValueId> rows, graph_.Add(*FindOp("take_rows"), {id, rows_}));
    taken_.emplace(id, rows[0]);
    return rows[0];
  }

  Graph& graph_;
  ValueId rows_ = kNoValue;
  std::vector<std::vector<size_t>> readers_;  // by ValueId: nodes
  std::vector<bool> sinks_;                   // by node
  std::map<ValueId, ValueId> taken_;
};

Result<int> Run(Graph& graph, const PassContext&) { return Sinker(graph).Run(); }

}  // namespace
extern const PassDesc k_pass_take_rows_early;
const PassDesc k_pass_take_rows_early = {
    .name = "take_rows_early",
    .summary = "takes the wanted rows before the last layer's projections instead of behind them",
    .run = Run};
}  // namespace tern
