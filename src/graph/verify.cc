#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <unordered_set>

#include "graph/graph.h"
#include "ops/shape_rules.h"

namespace tern {
namespace {

// One walk in execution order. Only a pass or a model file can break a graph, so every error is a bug caught.
class Verifier {
 public:
  explicit Verifier(const Graph& graph) : graph_(graph), defined_(graph.value_count(), false) {}

  Status Run() {
    for (const ValueId id : graph_.inputs()) TERN_TRY_STATUS(DefineInput(id));
    for (size_t i = 0; i < graph_.nodes().size(); ++i) {
      auto status = VisitNode(graph_.nodes()[i]);
      if (!status.ok()) {
        const std::string_view op = graph_.nodes()[i].op == nullptr ? "?" : graph_.nodes()[i].op->name;
        return Fail(fmt::format("node {} ({}): {}", i, op, status.error().what));
      }
    }
    for (size_t i = 0; i < graph_.outputs().size(); ++i) {
      auto status = Read(graph_.outputs()[i]);
      if (!status.ok()) return Fail(fmt::format("graph output {}: {}", i, status.error().what));
    }
    return {};
  }

 private:
  static Error Fail(std::string what) { return {Code::kInternal, std::move(what)}; }

  bool IdValid(ValueId id) const { return id >= 0 && static_cast<size_t>(id) < graph_.value_count(); }

  // A value that becomes readable; its name must be new.
  Status Define(ValueId id) {
    if (!IdValid(id)) return Fail(fmt::format("no value has the id {}", id));
    const Value& value = graph_.value(id);
    if (defined_[static_cast<size_t>(id)]) return Fail(value.name + ": has two producers");
    if (!names_.insert(value.name).second) return Fail(value.name + ": two values have this name");
    defined_[static_cast<size_t>(id)] = true;
    return {};
  }

  Status DefineInput(ValueId id) {
    TERN_TRY_STATUS(Define(id));
    const Value& value = graph_.value(id);
    if (value.is_weight()) return Fail(value.name + ": is a weight and a graph input");
    return {};
  }

  Status DefineWeight(ValueId id) {
    const Value& value = graph_.value(id);
    if (value.type.format == nullptr) return Fail(value.name + ": a weight without a format");
    for (const int64_t d : value.type.shape) {
      if (d < 0)
        return Fail(value.name + ": a weight of shape " + Describe(value.type) + ", expected fixed sizes");
    }
    return Define(id);
  }

  // Weights are defined by their first use: those that passes left behind do not matter.
  Status Read(ValueId id) {
    if (!IdValid(id)) return Fail(fmt::format("no value has the id {}", id));
    if (defined_[static_cast<size_t>(id)]) return {};
    if (graph_.value(id).is_weight()) return DefineWeight(id);
    return Fail(graph_.value(id).name + ": is read before it is produced");
  }

  Status VisitNode(const Node& node) {
    if (node.op == nullptr) return Fail("has no op");
    std::vector<ValueType> types;
    for (const ValueId id : node.inputs) {
      TERN_TRY_STATUS(Read(id));
      types.push_back(graph_.value(id).type);
    }
    TERN_TRY(const std::vector<ValueType> inferred, node.op->infer(types, node.attrs));
    if (inferred.size() != node.outputs.size()) {
      return Fail(fmt::format("{} outputs, the op makes {}", node.outputs.size(), inferred.size()));
    }
    for (size_t i = 0; i < inferred.size(); ++i) {
      TERN_TRY_STATUS(Define(node.outputs[i]));
      const Value& value = graph_.value(node.outputs[i]);
      if (value.type == inferred[i]) continue;
      return Fail(fmt::format("{}: type {}, the op makes {}", value.name, Describe(value.type),
                              Describe(inferred[i])));
    }
    return VisitEffect(node);
  }

  // Two writers of one KV layer have no order that a reader could rely on.
  Status VisitEffect(const Node& node) {
    if (!node.op->has_effect) return {};
    const int64_t layer = node.attrs.Int("layer", -1);
    if (written_layers_.insert({node.op->name, layer}).second) return {};
    return Fail(fmt::format("layer {} is written twice", layer));
  }

  const Graph& graph_;
  std::vector<bool> defined_;
  std::unordered_set<std::string_view> names_;
  std::set<std::pair<std::string_view, int64_t>> written_layers_;
};

}  // namespace

Status Verify(const Graph& graph) { return Verifier(graph).Run(); }

}  // namespace tern
