#pragma once
// Heap: owns the values that one template, or one rendering of it, makes, and counts their bytes.

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/jinja/value.h"

namespace tern::jinja {

// What it costs to walk over the value: its nodes, shared ones each time, and its text in units of 32 bytes.
size_t WeightOf(const Value& value);

// Addresses are stable. Not thread-safe.
class Heap {
 public:
  Heap() = default;
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // More than any limit after a text that overflowed its builder.
  size_t bytes_used() const { return bytes_used_; }
  // Counts memory that is held elsewhere for as long.
  void Charge(size_t bytes) { bytes_used_ += bytes; }

  Value NewText(std::string bytes, bool is_template);
  Value NewText(TextBuilder builder);
  // Borrows: `bytes` must outlive the heap.
  Value BorrowText(std::string_view bytes, bool is_template);
  // A part of a text, in bytes; shares its memory.
  Value Part(const Text& text, size_t begin, size_t end);
  Value WithMarkup(const Text& text, bool is_markup);
  Value NewUndefined(std::string message);
  // A container nested deeper than kMaxDepth or heavier than kMaxWeight is an error: so every walk over a
  // value is bounded, though parts may be shared.
  Result<Value> NewSequence(Flavor flavor, std::vector<Value> items);
  // A later entry replaces an earlier one with the same key, in its place. Keys must be hashable.
  Result<Value> NewDict(std::vector<Dict::Entry> entries);
  Value NewRange(Range range);
  Value NewNamespace(std::vector<std::pair<std::string_view, Value>> attributes);
  Loop* NewLoop(Loop loop);
  Value NewCallable(Callable callable);
  // A view that lives as long as the heap.
  std::string_view Keep(std::string bytes);

  static constexpr int kMaxDepth = 200;
  static constexpr size_t kMaxWeight = 8'000'000;

 private:
  std::span<const Run> KeepRuns(std::vector<Run> runs);

  size_t bytes_used_ = 0;
  std::deque<std::string> strings_;
  std::deque<std::vector<Run>> runs_;
  std::deque<Text> texts_;
  std::deque<Absent> absents_;
  std::deque<Sequence> sequences_;
  std::deque<Dict> dicts_;
  std::deque<Range> ranges_;
  std::deque<Namespace> namespaces_;
  std::deque<Loop> loops_;
  std::deque<Callable> callables_;
};

}  // namespace tern::jinja
