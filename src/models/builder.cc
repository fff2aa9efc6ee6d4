#include "models/builder.h"

#include <cstring>

namespace tern {

ModelBuilder::ModelBuilder(const Checkpoint& checkpoint, Graph& graph)
    : checkpoint_(checkpoint), graph_(graph) {
  tokens_ = graph.AddInput("tokens", {Elem::kI32, {kDimTokens}});
  positions_ = graph.AddInput("positions", {Elem::kI32, {kDimTokens}});
  output_rows_ = graph.AddInput("output_rows", {Elem::kI32, {kDimOutputs}});
}

ValueId ModelBuilder::Fail(Error error) {
  if (status_.ok()) status_ = std::move(error);
  return kNoValue;
}

std::string ModelBuilder::Name(std::string_view part, std::string_view suffix) const {
  std::string name = layer_ < 0 ? "" : "blk." + std::to_string(layer_) + ".";
  name += part;
  name += '.';
  return name += suffix;
}

ValueId ModelBuilder::Weight(const std::string& name, const Shape& shape, std::string role) {
  if (!status_.ok()) return kNoValue;
  const Tensor* tensor = checkpoint_.Find(name);
  if (tensor == nullptr) return Fail(BadInput(name + ": missing, expected shape " + ToString(shape)));
  if (tensor->shape != shape) {
    return Fail(BadInput(name + ": shape " + ToString(tensor->shape) + ", expected " + ToString(shape)));
  }
  return graph_.AddWeight(name, *tensor, std::move(role));
}

ValueId ModelBuilder::Constant(std::string name, const std::vector<float>& values) {
  if (!status_.ok()) return kNoValue;
  Buffer buffer(values.size() * sizeof(float));
  std::memcpy(buffer.data(), values.data(), buffer.bytes());
  const void* data = graph_.Keep(std::move(buffer));
  return graph_.AddWeight(std::move(name), Tensor{&F32(), {static_cast<int64_t>(values.size())}, data});
}

ValueId ModelBuilder::Op(std::string_view op, std::vector<ValueId> inputs, Attrs attrs) {
  if (!status_.ok()) return kNoValue;
  const OpDesc* desc = FindOp(op);
  TERN_CHECK(desc != nullptr);
  auto outputs = graph_.Add(*desc, std::move(inputs), std::move(attrs));
  return outputs.ok() ? outputs.value().front() : Fail(outputs.error());
}

int ModelBuilder::AddKvLayer(KvLayer layer) {
  kv_layers_.push_back(layer);
  return static_cast<int>(kv_layers_.size()) - 1;
}

void ModelBuilder::Head(ValueId x, ValueId embedding, const Hparams& h) {
  EnterLayer(-1);
  ValueId rows = Op("take_rows", {x, output_rows_});
  rows = RmsNorm(rows, "output_norm", h.width, h.norm_eps);
  ValueId head = embedding;
  if (Has(Name("output"))) head = Weight(Name("output"), {h.vocabulary, h.width});
  if (!status_.ok()) return;
  // A tied table is looked up as it lies in the file and multiplied packed: two values, one tensor.
  if (head == embedding) head = graph_.AddWeight("output.weight", graph_.value(embedding).tensor());
  graph_.value(head).role = "head";
  const ValueId logits = Op("linear", {rows, head}, {{"weights", int64_t{1}}});
  if (status_.ok()) graph_.AddOutput(logits);
}

}  // namespace tern
