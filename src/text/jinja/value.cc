#include "text/jinja/value.h"

#include <algorithm>

#include "text/jinja/unicode.h"

namespace tern::jinja {
namespace {

// Kinds that compare with each other as keys share a rank.
int KeyRank(const Value& v) {
  switch (v.kind()) {
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
      return 0;
    case Kind::kText:
      return 1;
    case Kind::kNone:
      return 2;
    case Kind::kUndefined:
      return 3;
    case Kind::kSequence:
      return 4;
    default:
      return 5;
  }
}

template <class T>
int Sign(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int CompareNumbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return Sign(a.integer(), b.integer());
  const auto wide = [](const Value& v) {
    return v.is(Kind::kFloat) ? static_cast<long double>(v.real()) : static_cast<long double>(v.integer());
  };
  return Sign(wide(a), wide(b));
}

int CompareTuples(const Sequence& a, const Sequence& b) {
  const size_t common = std::min(a.items.size(), b.items.size());
  for (size_t i = 0; i < common; ++i) {
    if (const int order = CompareKeys(a.items[i], b.items[i]); order != 0) return order;
  }
  return Sign(a.items.size(), b.items.size());
}

}  // namespace

size_t Text::Offset(size_t index) const {
  return ascii() ? std::min(index, bytes.size()) : ByteOffset(bytes, index);
}

Value Value::None() {
  Value v;
  v.kind_ = Kind::kNone;
  return v;
}

const Value* Dict::Find(const Value& key) const {
  if (sorted.empty()) {
    for (const Entry& entry : entries) {
      if (CompareKeys(entry.key, key) == 0) return &entry.value;
    }
    return nullptr;
  }
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), key, [&](uint32_t i, const Value& k) {
    return CompareKeys(entries[i].key, k) < 0;
  });
  return at != sorted.end() && CompareKeys(entries[*at].key, key) == 0 ? &entries[*at].value : nullptr;
}

const Value* Dict::Find(std::string_view key) const {
  const Text text{.bytes = key, .runs = {}};
  return Find(Value(&text));
}

int64_t Range::size() const {
  const Int span = step > 0 ? Int{stop} - start : Int{start} - stop;
  const Int stride = step > 0 ? Int{step} : -Int{step};
  return span > 0 ? static_cast<int64_t>(std::min<Int>((span - 1) / stride + 1, INT64_MAX)) : 0;
}

Value* Namespace::Find(std::string_view name) {
  for (auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

int CompareKeys(const Value& a, const Value& b) {
  const int rank = KeyRank(a);
  if (const int order = Sign(rank, KeyRank(b)); order != 0) return order;
  switch (rank) {
    case 0:
      return CompareNumbers(a, b);
    case 1:
      return a.bytes().compare(b.bytes());
    case 2:
    case 3:
      return 0;
    case 4:
      if (a.sequence().flavor == Flavor::kTuple) return CompareTuples(a.sequence(), b.sequence());
      [[fallthrough]];
    default:
      return Sign(a.address(), b.address());
  }
}

bool IsHashable(const Value& value) {
  if (value.is(Kind::kDict)) return false;
  if (!value.is(Kind::kSequence)) return true;
  const Sequence& sequence = value.sequence();
  if (sequence.flavor == Flavor::kGenerator) return true;
  if (sequence.flavor != Flavor::kTuple && sequence.flavor != Flavor::kGroup) return false;
  return std::all_of(sequence.items.begin(), sequence.items.end(), IsHashable);
}

std::string_view TypeName(const Value& value) {
  static constexpr std::string_view kFlavors[] = {"list",      "tuple",       "tuple",     "generator",
                                                  "dict_keys", "dict_values", "dict_items"};
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kText:
      return value.text().is_markup ? "Markup" : "str";
    case Kind::kSequence:
      return kFlavors[static_cast<size_t>(value.sequence().flavor)];
    case Kind::kDict:
      return "dict";
    case Kind::kRange:
      return "range";
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kLoop:
      return "LoopContext";
    case Kind::kCallable:
      return value.callable().macro ? "Macro" : "function";
  }
  return "object";
}

void TextBuilder::Append(std::string_view bytes, bool is_template) {
  if (bytes.empty()) return;
  const size_t used = bytes_.size() + runs_.size() * sizeof(Run);
  if (overflowed_ || used + bytes.size() > kMostBytes) {
    overflowed_ = true;
    return;
  }
  bytes_ += bytes;
  if (!runs_.empty() && runs_.back().is_template == is_template) {
    runs_.back().end = bytes_.size();
  } else {
    runs_.push_back({bytes_.size(), is_template});
  }
}

void TextBuilder::Append(const Text& text, size_t begin, size_t end) {
  if (text.runs.empty()) return Append(text.bytes.substr(begin, end - begin), text.is_template);
  auto run = std::upper_bound(text.runs.begin(), text.runs.end(), begin,
                              [](size_t at, const Run& r) { return at < r.end; });
  for (; begin < end; ++run) {
    const size_t stop = std::min(run->end, end);
    Append(text.bytes.substr(begin, stop - begin), run->is_template);
    begin = stop;
  }
}

}  // namespace tern::jinja
