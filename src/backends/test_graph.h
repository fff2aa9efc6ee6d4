#pragma once
// For tests of backends: graphs on random weights, and batches.

#include <random>
#include <string>
#include <vector>

#include "backends/backend.h"

namespace tern {

// Builds a graph whose only inputs are the batch's: random f32 rows come from embedding tables.
class TestGraph {
 public:
  static constexpr int kVocabulary = 61;

  explicit TestGraph(unsigned seed = 1);

  ValueId Rows(int64_t columns);        // f32[T, columns]
  ValueId OutputRows(int64_t columns);  // f32[R, columns]
  ValueId Weight(const Shape& shape, std::string_view format = "f32", float mean = 0);
  // The first output of a new node.
  ValueId Op(std::string_view op, std::vector<ValueId> inputs, Attrs attrs = {});
  std::vector<ValueId> Ops(std::string_view op, std::vector<ValueId> inputs, Attrs attrs = {});
  void Output(ValueId value) { graph_.AddOutput(value); }

  ValueId tokens() const { return tokens_; }
  ValueId positions() const { return positions_; }
  ValueId output_rows() const { return output_rows_; }
  const Graph& graph() const { return graph_; }

 private:
  Graph graph_;
  std::mt19937 random_;
  ValueId tokens_, positions_, output_rows_;
  int weights_ = 0;
};

// A batch and the memory it looks at. KV blocks are handed out from 0, sequence by sequence. A sequence's
// source is the first half of its positions.
class TestBatch {
 public:
  struct Sequence {
    int rows = 0;
    int first_position = 0;
    std::vector<int32_t> blocks = {};  // enough for its last position
    std::vector<int32_t> tokens = {};  // of its rows; empty: made up from the positions
  };
  // Logits of every `every`-th row, and of the last.
  explicit TestBatch(std::vector<Sequence> sequences, int every = 2);
  TestBatch(const TestBatch&) = delete;
  const Batch& batch() const { return batch_; }

 private:
  std::vector<Sequence> sequences_;
  std::vector<int32_t> tokens_, positions_, output_rows_;
  std::vector<SequenceSpan> spans_;
  Batch batch_;
};

// How often this program has asked the heap for memory, from any thread.
size_t HeapAllocations();

}  // namespace tern
