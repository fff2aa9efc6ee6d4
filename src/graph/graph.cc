#include "graph/graph.h"

#include <fmt/format.h>

#include <utility>

namespace tern {

ValueId Graph::AddValue(Value value) {
  const auto id = static_cast<ValueId>(values_.size());
  if (value.name.empty()) value.name = fmt::format("value.{}", id);
  values_.push_back(std::move(value));
  return id;
}

ValueId Graph::AddInput(std::string name, ValueType type) {
  const ValueId id = AddValue({.name = std::move(name), .type = std::move(type)});
  inputs_.push_back(id);
  return id;
}

ValueId Graph::AddWeight(std::string name, const Tensor& tensor, std::string role) {
  if (const auto found = weight_by_name_.find(name); found != weight_by_name_.end()) {
    const Value& old = value(found->second);
    if (old.data == tensor.data && old.type.format == tensor.format && old.type.shape == tensor.shape &&
        old.role == role) {
      return found->second;
    }
  }
  const ValueId id = AddValue({.name = name,
                               .type = {Elem::kWeight, tensor.shape, tensor.format},
                               .data = tensor.data,
                               .role = std::move(role)});
  weight_by_name_.emplace(std::move(name), id);
  return id;
}

Result<std::vector<ValueId>> Graph::Add(const OpDesc& op, std::vector<ValueId> inputs, Attrs attrs) {
  return Insert(nodes_.size(), op, std::move(inputs), std::move(attrs));
}

Result<std::vector<ValueId>> Graph::Insert(size_t position, const OpDesc& op, std::vector<ValueId> inputs,
                                           Attrs attrs) {
  TERN_CHECK(position <= nodes_.size());
  std::vector<ValueType> types;
  std::string call(op.name);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] < 0 || static_cast<size_t>(inputs[i]) >= values_.size()) {
      return Error{Code::kInternal,
                   fmt::format("{}: input {}: no value has the id {}", op.name, i, inputs[i])};
    }
    types.push_back(value(inputs[i]).type);
    call += (i == 0 ? "(" : ", ") + value(inputs[i]).name;
  }
  auto inferred = op.infer(types, attrs);
  if (!inferred.ok()) return Error{inferred.error().code, call + "): " + inferred.error().what};

  std::vector<ValueId> outputs;
  for (ValueType& type : inferred.value()) {
    outputs.push_back(
        AddValue({.name = fmt::format("{}.{}", op.name, values_.size()), .type = std::move(type)}));
  }
  nodes_.insert(nodes_.begin() + static_cast<std::ptrdiff_t>(position),
                {.op = &op, .inputs = std::move(inputs), .outputs = outputs, .attrs = std::move(attrs)});
  return outputs;
}

void* Graph::Keep(Buffer buffer) {
  kept_.push_back(std::make_shared<Buffer>(std::move(buffer)));
  return kept_.back()->data();
}

void Graph::ReplaceUses(ValueId from, ValueId to) {
  for (Node& node : nodes_) {
    for (ValueId& input : node.inputs) {
      if (input == from) input = to;
    }
  }
  for (ValueId& output : outputs_) {
    if (output == from) output = to;
  }
}

std::vector<int> Graph::UseCounts() const {
  std::vector<int> counts(values_.size(), 0);
  for (const Node& node : nodes_) {
    for (const ValueId input : node.inputs) ++counts[static_cast<size_t>(input)];
  }
  for (const ValueId output : outputs_) ++counts[static_cast<size_t>(output)];
  return counts;
}

std::vector<int> Graph::Producers() const {
  std::vector<int> producers(values_.size(), -1);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (const ValueId output : nodes_[i].outputs)
      producers[static_cast<size_t>(output)] = static_cast<int>(i);
  }
  return producers;
}

}  // namespace tern
