#pragma once
// Workspace: what one rendering owns: its values, its fuel and its clock. Not thread-safe.
//
// Fuel bounds the work that a template and its input can cause: every evaluation takes a step, loops inside
// filters take one per item and text one per kStepBytes bytes, and memory has a cap. Running dry is
// remembered; the next step reports it, so an operation overshoots by no more than its own cost, which
// Reserve() keeps small where the result may be larger than the operands.

#include <cstdint>
#include <ctime>
#include <string>

#include "base/result.h"
#include "text/jinja/heap.h"

namespace tern::jinja {

struct Limits {
  int64_t max_steps = 20'000'000;
  size_t max_bytes = size_t{256} << 20;        // all values together
  size_t max_output_bytes = size_t{64} << 20;  // of the rendered text
  int max_depth = 1000;                        // of nested evaluation: expressions, blocks, macro calls
  int64_t max_range = 100'000;                 // elements of range(), as in Jinja's sandbox
};

class Workspace {
 public:
  Workspace(const Limits& limits, const std::tm& now)
      : limits_(limits), now_(now), steps_(limits.max_steps) {}

  Heap& heap() { return heap_; }
  const Limits& limits() const { return limits_; }
  const std::tm& now() const { return now_; }

  // Takes one step; an error when fuel or memory ran out.
  Status Step();
  // Work of `items` loop turns, or of going over `bytes` of text.
  void Spend(size_t items) { steps_ -= static_cast<int64_t>(items); }
  void SpendBytes(size_t bytes) { Spend(bytes / kStepBytes); }
  // Memory ran out: whatever a loop would still make is of no use, as the next step fails.
  bool IsFull() const { return heap_.bytes_used() > limits_.max_bytes; }
  // Asks for memory before it is used; an error when it would exceed the cap.
  Status Reserve(size_t count, size_t bytes_each = 1) const;

  Value NewText(std::string bytes, bool is_template) { return heap_.NewText(std::move(bytes), is_template); }
  Value NewText(TextBuilder builder) { return heap_.NewText(std::move(builder)); }
  Result<Value> NewList(std::vector<Value> items) {
    return heap_.NewSequence(Flavor::kList, std::move(items));
  }
  Result<Value> NewTuple(std::vector<Value> items) {
    return heap_.NewSequence(Flavor::kTuple, std::move(items));
  }
  Result<Value> NewGenerator(std::vector<Value> items) {
    return heap_.NewSequence(Flavor::kGenerator, std::move(items));
  }

  static constexpr size_t kStepBytes = 16;

 private:
  Heap heap_;
  const Limits limits_;
  const std::tm now_;
  int64_t steps_;
};

}  // namespace tern::jinja
