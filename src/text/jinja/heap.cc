#include "text/jinja/heap.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

// Small dicts are searched from front to back.
constexpr size_t kIndexFrom = 9;

int DepthOf(const Value& value) {
  if (value.is(Kind::kSequence)) return value.sequence().depth;
  if (value.is(Kind::kDict)) return value.dict().depth;
  return 0;
}

// Nesting and weight of a container, from what it holds.
struct Extent {
  int depth = 1;
  size_t weight = 1;

  void Add(const Value& value) {
    depth = std::max(depth, DepthOf(value) + 1);
    weight += WeightOf(value);
  }
  Status Check() const {
    if (depth > Heap::kMaxDepth) {
      return BadInput(fmt::format("value: lists and dicts nested deeper than {}", Heap::kMaxDepth));
    }
    if (weight <= Heap::kMaxWeight) return {};
    return Exhausted(fmt::format("value: more than {} parts", Heap::kMaxWeight));
  }
};

// Entry numbers by key; of equal keys the first stands.
std::vector<uint32_t> SortByKey(const std::vector<Dict::Entry>& entries) {
  std::vector<uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return CompareKeys(entries[a].key, entries[b].key) < 0; });
  return order;
}

// Keeps the place of the first and the value of the last entry of each key.
void RemoveDuplicates(std::vector<Dict::Entry>* entries) {
  const std::vector<uint32_t> order = SortByKey(*entries);
  std::vector<bool> drop(entries->size());
  for (size_t i = 0; i < order.size();) {
    size_t last = i;
    while (last + 1 < order.size() &&
           CompareKeys((*entries)[order[i]].key, (*entries)[order[last + 1]].key) == 0) {
      drop[order[++last]] = true;
    }
    (*entries)[order[i]].value = (*entries)[order[last]].value;
    i = last + 1;
  }
  size_t kept = 0;
  for (size_t i = 0; i < drop.size(); ++i) {
    if (!drop[i]) (*entries)[kept++] = (*entries)[i];
  }
  entries->resize(kept);
}

}  // namespace

size_t WeightOf(const Value& value) {
  switch (value.kind()) {
    case Kind::kText:
      return 1 + value.bytes().size() / 32;
    case Kind::kSequence:
      return value.sequence().weight;
    case Kind::kDict:
      return value.dict().weight;
    default:
      return 1;
  }
}

std::string_view Heap::Keep(std::string bytes) {
  bytes_used_ += sizeof(std::string) + bytes.capacity();
  return strings_.emplace_back(std::move(bytes));
}

std::span<const Run> Heap::KeepRuns(std::vector<Run> runs) {
  bytes_used_ += sizeof(runs) + runs.size() * sizeof(Run);
  return runs_.emplace_back(std::move(runs));
}

Value Heap::BorrowText(std::string_view bytes, bool is_template) {
  bytes_used_ += sizeof(Text);
  return Value(&texts_.emplace_back(
      Text{.bytes = bytes, .runs = {}, .length = CountCodePoints(bytes), .is_template = is_template}));
}

Value Heap::NewText(std::string bytes, bool is_template) {
  return BorrowText(Keep(std::move(bytes)), is_template);
}

Value Heap::NewText(TextBuilder builder) {
  if (builder.overflowed()) bytes_used_ |= size_t{1} << 62;
  std::vector<Run> runs = std::move(builder.runs());
  // An empty text could come from anywhere: it adds nothing, whatever it is called.
  const bool is_template = !runs.empty() && runs.back().is_template;
  const Value made = NewText(std::move(builder.bytes()), is_template);
  if (runs.size() > 1) texts_.back().runs = KeepRuns(std::move(runs));
  return made;
}

Value Heap::Part(const Text& text, size_t begin, size_t end) {
  if (begin == 0 && end == text.bytes.size()) return Value(&text);
  bytes_used_ += sizeof(Text);
  const std::string_view bytes = text.bytes.substr(begin, end - begin);
  Text part{.bytes = bytes,
            .runs = {},
            .length = text.ascii() ? bytes.size() : CountCodePoints(bytes),
            .is_template = text.is_template,
            .is_markup = text.is_markup};
  if (!text.runs.empty() && begin < end) {
    TextBuilder builder;
    builder.Append(text, begin, end);
    part.is_template = builder.runs().back().is_template;
    if (builder.runs().size() > 1) part.runs = KeepRuns(std::move(builder.runs()));
  }
  return Value(&texts_.emplace_back(part));
}

Value Heap::WithMarkup(const Text& text, bool is_markup) {
  if (text.is_markup == is_markup) return Value(&text);
  bytes_used_ += sizeof(Text);
  Text& copy = texts_.emplace_back(text);
  copy.is_markup = is_markup;
  return Value(&copy);
}

Value Heap::NewUndefined(std::string message) {
  bytes_used_ += sizeof(Absent) + message.capacity();
  return Value(&absents_.emplace_back(Absent{std::move(message)}));
}

Result<Value> Heap::NewSequence(Flavor flavor, std::vector<Value> items) {
  Extent extent;
  for (const Value& item : items) extent.Add(item);
  TERN_TRY_STATUS(extent.Check());
  bytes_used_ += sizeof(Sequence) + items.capacity() * sizeof(Value);
  Sequence& made = sequences_.emplace_back();
  made = {.flavor = flavor, .items = std::move(items), .depth = extent.depth, .weight = extent.weight};
  return Value(&made);
}

Result<Value> Heap::NewDict(std::vector<Dict::Entry> entries) {
  Extent extent;
  for (const Dict::Entry& entry : entries) {
    extent.Add(entry.key);
    extent.Add(entry.value);
  }
  TERN_TRY_STATUS(extent.Check());
  RemoveDuplicates(&entries);
  Dict dict{.entries = std::move(entries), .sorted = {}, .depth = extent.depth, .weight = extent.weight};
  if (dict.entries.size() >= kIndexFrom) dict.sorted = SortByKey(dict.entries);
  bytes_used_ += sizeof(Dict) + dict.entries.capacity() * sizeof(Dict::Entry) + dict.sorted.size() * 4;
  return Value(&dicts_.emplace_back(std::move(dict)));
}

Value Heap::NewRange(Range range) {
  bytes_used_ += sizeof(Range);
  return Value(&ranges_.emplace_back(range));
}

Value Heap::NewNamespace(std::vector<std::pair<std::string_view, Value>> attributes) {
  bytes_used_ += sizeof(Namespace) + attributes.capacity() * sizeof(attributes[0]);
  return Value(&namespaces_.emplace_back(Namespace{std::move(attributes)}));
}

Loop* Heap::NewLoop(Loop loop) {
  bytes_used_ += sizeof(Loop);
  return &loops_.emplace_back(loop);
}

Value Heap::NewCallable(Callable callable) {
  bytes_used_ += sizeof(Callable);
  return Value(&callables_.emplace_back(callable));
}

}  // namespace tern::jinja
