#pragma once
// Graph: a program of ops. Nodes stand in execution order; a value has one producer (a node, an input or a
// constant). Built once per model by models/, rewritten by passes/, then bound to a device as a plan.
//
// Not thread-safe; immutable once planned.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "ops/op.h"
#include "tensor/tensor.h"

namespace tern {

using ValueId = int32_t;
inline constexpr ValueId kNoValue = -1;

struct Value {
  std::string name = {};  // weights: as in the checkpoint; others: unique, for reading
  ValueType type = {};
  const void* data = nullptr;  // weights only: rows as in the file
  // Weights only: which part it plays ("attn_q", "ffn_down", "head", ...), and in which form a linear
  // multiplies its input with it (kF32, kQ8 or kQ16; set by the choose_precision pass).
  std::string role = {};
  Elem activation = Elem::kF32;

  bool is_weight() const { return type.elem == Elem::kWeight; }
  Tensor tensor() const { return {type.format, type.shape, data}; }
};

struct Node {
  const OpDesc* op = nullptr;
  std::vector<ValueId> inputs = {};
  std::vector<ValueId> outputs = {};
  Attrs attrs = {};
};

class Graph {
 public:
  ValueId AddInput(std::string name, ValueType type);
  // `tensor` must outlive the graph (or lie in a buffer given to Keep). The same name, tensor and role again
  // gives the same value.
  ValueId AddWeight(std::string name, const Tensor& tensor, std::string role = "");
  // Appends a node; infers and adds its outputs. The error names the op and what is wrong.
  Result<std::vector<ValueId>> Add(const OpDesc& op, std::vector<ValueId> inputs, Attrs attrs = {});
  // The same, before node `position`.
  Result<std::vector<ValueId>> Insert(size_t position, const OpDesc& op, std::vector<ValueId> inputs,
                                      Attrs attrs = {});
  ValueId AddValue(Value value);
  void AddOutput(ValueId value) { outputs_.push_back(value); }
  // Memory that constants made by passes or models lie in.
  void* Keep(Buffer buffer);

  const Value& value(ValueId id) const { return values_[static_cast<size_t>(id)]; }
  Value& value(ValueId id) { return values_[static_cast<size_t>(id)]; }
  size_t value_count() const { return values_.size(); }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  std::vector<ValueId>& outputs() { return outputs_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  std::vector<Node>& nodes() { return nodes_; }

  // Every use of `from`, in nodes and outputs, becomes `to`.
  void ReplaceUses(ValueId from, ValueId to);
  // How many nodes and graph outputs read each value.
  std::vector<int> UseCounts() const;
  // The node that makes each value; -1 for inputs and weights.
  std::vector<int> Producers() const;

 private:
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<ValueId> inputs_, outputs_;
  std::vector<std::shared_ptr<Buffer>> kept_;
  std::unordered_map<std::string, ValueId> weight_by_name_;
};

// Checks: ids valid, values produced before use and only once, types as the ops infer them, unique names, no
// KV layer written twice. Dead values (no producer, no use) are allowed.
Status Verify(const Graph& graph);
// The textual form (docs/formats/gt.md), e.g.
//   %3: f32[T,576] = rms_norm(%2, @blk.0.attn_norm.weight) {eps=1e-05}
std::string Print(const Graph& graph);

}  // namespace tern
