#pragma once
// Values of a template: plain data, as Python would see the JSON behind it, and the few things a template
// makes itself (ranges, namespaces, macros). Values are small and copied freely; what they point to belongs
// to a Heap and lives as long as it does, so there are no cycles to free and nothing is destroyed
// recursively.
//
// Text knows its origin: runs of bytes that came from the template's own literals, and runs that came from
// outside. Only the former may later spell special tokens.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tern::jinja {

// Wide enough for whatever JSON documents hold; what exceeds it is an error and never wraps.
using Int = __int128;

struct Run {
  size_t end;  // bytes from the start of the text
  bool is_template;
};

// Immutable UTF-8.
struct Text {
  std::string_view bytes;
  std::span<const Run> runs;  // empty: one run of kind `is_template`; otherwise they cover `bytes`
  size_t length = 0;          // code points
  bool is_template = false;
  bool is_markup = false;  // result of |safe or |escape: joins with other text escape the other side

  bool ascii() const { return length == bytes.size(); }
  // The byte where code point `index` starts.
  size_t Offset(size_t index) const;
};

enum class Kind : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kText,
  kSequence,
  kDict,
  kRange,
  kNamespace,
  kLoop,
  kCallable,
};

struct Absent;
struct Sequence;
struct Dict;
struct Range;
struct Namespace;
struct Loop;
struct Callable;

class Value {
 public:
  Value() : Value(static_cast<const Absent*>(nullptr)) {}
  explicit Value(const Absent* absent) : kind_(Kind::kUndefined), absent_(absent) {}
  explicit Value(bool b) : kind_(Kind::kBool), bool_(b) {}
  explicit Value(Int i) : kind_(Kind::kInt), int_(i) {}
  explicit Value(double d) : kind_(Kind::kFloat), float_(d) {}
  explicit Value(const Text* text) : kind_(Kind::kText), text_(text) {}
  explicit Value(Sequence* sequence) : kind_(Kind::kSequence), sequence_(sequence) {}
  explicit Value(const Dict* dict) : kind_(Kind::kDict), dict_(dict) {}
  explicit Value(const Range* range) : kind_(Kind::kRange), range_(range) {}
  explicit Value(Namespace* ns) : kind_(Kind::kNamespace), namespace_(ns) {}
  explicit Value(Loop* loop) : kind_(Kind::kLoop), loop_(loop) {}
  explicit Value(const Callable* callable) : kind_(Kind::kCallable), callable_(callable) {}
  static Value None();
  static Value Of(size_t count) { return Value(static_cast<Int>(count)); }

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_none() const { return kind_ == Kind::kNone; }
  bool is_text() const { return kind_ == Kind::kText; }
  bool is_integral() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  bool is_number() const { return is_integral() || kind_ == Kind::kFloat; }

  // Each of these needs the value to be of that kind.
  const Absent* absent() const { return absent_; }
  bool boolean() const { return bool_; }
  Int integer() const { return kind_ == Kind::kBool ? Int{bool_} : int_; }
  double real() const { return kind_ == Kind::kFloat ? float_ : static_cast<double>(integer()); }
  const Text& text() const { return *text_; }
  std::string_view bytes() const { return text_->bytes; }
  Sequence& sequence() const { return *sequence_; }
  const Dict& dict() const { return *dict_; }
  const Range& range() const { return *range_; }
  Namespace& ns() const { return *namespace_; }
  Loop& loop() const { return *loop_; }
  const Callable& callable() const { return *callable_; }
  // Where a container lies: what identity means.
  const void* address() const { return absent_; }

 private:
  Kind kind_;
  union {
    const Absent* absent_;
    bool bool_;
    Int int_;
    double float_;
    const Text* text_;
    Sequence* sequence_;
    const Dict* dict_;
    const Range* range_;
    Namespace* namespace_;
    Loop* loop_;
    const Callable* callable_;
  };
};

// Why a value is undefined; using it says so.
struct Absent {
  std::string message;
};

// What kind of Python object a sequence stands for.
enum class Flavor : uint8_t { kList, kTuple, kGroup, kGenerator, kKeys, kValues, kItems };

struct Sequence {
  Flavor flavor = Flavor::kList;
  std::vector<Value> items;
  int depth = 1;        // of nesting
  size_t weight = 1;    // see Heap
  size_t consumed = 0;  // a generator yields each item once

  std::span<const Value> rest() const { return std::span(items).subspan(consumed); }
};

struct Dict {
  struct Entry {
    Value key, value;
  };
  std::vector<Entry> entries;    // in order of insertion, keys unique
  std::vector<uint32_t> sorted;  // entry numbers by key; empty for small dicts
  int depth = 1;
  size_t weight = 1;

  const Value* Find(const Value& key) const;
  const Value* Find(std::string_view key) const;
};

struct Range {
  int64_t start, stop, step;
  int64_t size() const;
};

struct Namespace {
  std::vector<std::pair<std::string_view, Value>> attributes;
  Value* Find(std::string_view name);
};

class Workspace;
struct Arguments;
struct Macro;
struct ForLoop;
class Scope;

// What a loop variable shows while its loop runs.
struct Loop {
  std::span<const Value> items;
  size_t index0 = 0;
  int depth0 = 0;
  const ForLoop* node = nullptr;
  Scope* scope = nullptr;  // where a recursive loop's body looks names up
  Value last_changed;
  bool ever_changed = false;
};

// A function with its receiver: a builtin, or a macro of the template with the scope it was defined in.
using Builtin = Result<Value> (*)(Workspace&, const Value& self, const Arguments&);
struct Callable {
  std::string_view name;
  Builtin builtin = nullptr;
  Value self;
  const Macro* macro = nullptr;
  Scope* scope = nullptr;
};

// A total order of values that may be keys: numbers by value (1, 1.0 and true are one key), texts, None,
// tuples.
int CompareKeys(const Value& a, const Value& b);
// Lists, dicts and what holds them cannot be keys.
bool IsHashable(const Value& value);

// Python's name of the value's type.
std::string_view TypeName(const Value& value);

// Builds a text piece by piece and keeps the origin of each.
class TextBuilder {
 public:
  // With its runs. What would exceed it is dropped, and the text counts as more than any rendering may have.
  static constexpr size_t kMostBytes = size_t{128} << 20;
  void Append(std::string_view bytes, bool is_template);
  void Append(const Text& text) { Append(text, 0, text.bytes.size()); }
  void Append(const Text& text, size_t begin, size_t end);  // bytes
  // Text derived from `source`: template text only if all of `source` is.
  void AppendDerived(std::string_view bytes, const Text& source) {
    Append(bytes, source.runs.empty() && source.is_template);
  }
  size_t size() const { return bytes_.size(); }
  bool overflowed() const { return overflowed_; }
  std::string& bytes() { return bytes_; }
  const std::string& bytes() const { return bytes_; }
  std::vector<Run>& runs() { return runs_; }
  const std::vector<Run>& runs() const { return runs_; }

 private:
  std::string bytes_;
  std::vector<Run> runs_;  // adjacent runs differ in kind
  bool overflowed_ = false;
};

}  // namespace tern::jinja
