#include "backends/test_graph.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

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
  // Some formats of large blocks encode slowly: their rows repeat.
  const size_t distinct = f->block_weights < 256 ? SIZE_MAX : 5, row_bytes = sizes.row_bytes();
  for (size_t r = 0; r < static_cast<size_t>(sizes.rows()); ++r) {
    char* row = bytes + r * row_bytes;
    if (r < distinct) {
      f->encode(values.data() + r * width, nullptr, row, width);
    } else {
      std::memcpy(row, row - distinct * row_bytes, row_bytes);
    }
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
    spans_.push_back({first_row, s.rows, s.first_position, s.blocks, (s.first_position + s.rows + 1) / 2});
  }
  batch_ = {tokens_, positions_, output_rows_, spans_};
}

}  // namespace tern
