#include "backends/test_graph.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "graph/memory.h"

namespace {
std::atomic<size_t> heap_allocations{0};
}

void* operator new(size_t bytes) {
  heap_allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(bytes);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace tern {

size_t HeapAllocations() { return heap_allocations.load(); }

TestGraph::TestGraph(unsigned seed) : random_(seed) {
  tokens_ = graph_.AddInput("tokens", {Elem::kI32, {kDimTokens}});
  positions_ = graph_.AddInput("positions", {Elem::kI32, {kDimTokens}});
  output_rows_ = graph_.AddInput("output_rows", {Elem::kI32, {kDimOutputs}});
}

ValueId TestGraph::Rows(int64_t columns) { return Op("embed", {tokens_, Weight({kVocabulary, columns})}); }

ValueId TestGraph::OutputRows(int64_t columns) { return Op("take_rows", {Rows(columns), output_rows_}); }

ValueId TestGraph::Weight(const Shape& shape, std::string_view format, float mean) {
  const Format* f = FindFormat(format);
  TERN_CHECK(f != nullptr);
  std::normal_distribution<float> normal(mean, 1.f);
  std::vector<float> values(static_cast<size_t>(Elements(shape)));
  for (float& value : values) value = normal(random_);
  const Tensor sizes{f, shape, nullptr};
  const auto width = static_cast<size_t>(sizes.cols());
  Buffer buffer(static_cast<size_t>(sizes.rows()) * sizes.row_bytes());
  auto* bytes = static_cast<char*>(buffer.data());
  for (size_t r = 0; r < static_cast<size_t>(sizes.rows()); ++r) {
    f->encode(values.data() + r * width, bytes + r * sizes.row_bytes(), width);
  }
  const void* data = graph_.Keep(std::move(buffer));
  return graph_.AddWeight("w" + std::to_string(weights_++), {f, shape, data});
}

std::vector<ValueId> TestGraph::Ops(std::string_view op, std::vector<ValueId> inputs, Attrs attrs) {
  const OpDesc* desc = FindOp(op);
  TERN_CHECK(desc != nullptr);
  auto outputs = graph_.Add(*desc, std::move(inputs), std::move(attrs));
  EXPECT_TRUE(outputs.ok()) << outputs.error().what;
  return std::move(outputs).value();
}

ValueId TestGraph::Op(std::string_view op, std::vector<ValueId> inputs, Attrs attrs) {
  return Ops(op, std::move(inputs), std::move(attrs)).front();
}

TestBatch::TestBatch(std::vector<Sequence> sequences, int every) : sequences_(std::move(sequences)) {
  for (Sequence& s : sequences_) {
    const auto first_row = static_cast<int>(tokens_.size());
    for (int i = 0; i < s.rows; ++i) {
      const int position = s.first_position + i;
      const bool given = static_cast<size_t>(i) < s.tokens.size();
      tokens_.push_back(given ? s.tokens[static_cast<size_t>(i)] : position * 7 % TestGraph::kVocabulary);
      positions_.push_back(position);
      if (i % every == 0 || i == s.rows - 1) output_rows_.push_back(first_row + i);
    }
    spans_.push_back({first_row, s.rows, s.first_position, s.blocks});
  }
  batch_ = {tokens_, positions_, output_rows_, spans_};
}

namespace {

// Memory of every value of one step.
class Values {
 public:
  Values(const Graph& graph, const Batch& batch) : graph_(graph), batch_(batch) {
    memory_.resize(graph.value_count());
    const StepLimits exact{batch.rows(), batch.outputs()};
    for (size_t i = 0; i < memory_.size(); ++i) {
      memory_[i].resize(ValueBytes(graph.value(static_cast<ValueId>(i)).type, exact) + 64);
    }
  }

  View At(ValueId id) {
    const Value& value = graph_.value(id);
    View view{value.type.elem, value.type.shape, value.type.format, nullptr};
    for (int64_t& dim : view.shape) {
      if (dim == kDimTokens) dim = batch_.rows();
      if (dim == kDimOutputs) dim = batch_.outputs();
    }
    view.data = memory_[static_cast<size_t>(id)].data();
    if (value.is_weight()) view.data = const_cast<void*>(value.data);
    if (value.name == "tokens") view.data = const_cast<int32_t*>(batch_.tokens.data());
    if (value.name == "positions") view.data = const_cast<int32_t*>(batch_.positions.data());
    if (value.name == "output_rows") view.data = const_cast<int32_t*>(batch_.output_rows.data());
    return view;
  }

 private:
  const Graph& graph_;
  const Batch& batch_;
  std::vector<std::vector<char>> memory_;
};

}  // namespace

std::vector<std::vector<float>> RunReference(const Graph& graph, const Batch& batch, KvStore* kv) {
  Values values(graph, batch);
  for (const Node& node : graph.nodes()) {
    std::vector<View> inputs, outputs;
    for (const ValueId id : node.inputs) inputs.push_back(values.At(id));
    for (const ValueId id : node.outputs) outputs.push_back(values.At(id));
    node.op->reference({inputs, outputs, node.attrs, batch, kv});
  }
  std::vector<std::vector<float>> results;
  for (const ValueId id : graph.outputs()) {
    const View view = values.At(id);
    results.emplace_back(view.f32(), view.f32() + view.rows() * view.cols());
  }
  return results;
}

}  // namespace tern
