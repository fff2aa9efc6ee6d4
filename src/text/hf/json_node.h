#pragma once
// JsonNode: a value of a JSON file that knows where it stands, so that every refusal says so:
// "tokenizer.json: model.vocab: is an array, expected an object". Looks into a document that outlives it. Not
// thread-safe.

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

class JsonNode {
 public:
  // `file` is the file's name.
  JsonNode(const boost::json::value& value, std::string_view file)
      : value_(&value), path_(file), file_size_(file.size()) {}

  const boost::json::value& value() const { return *value_; }
  bool is_null() const { return value_->is_null(); }
  // A member of an object, an item of an array; null where there is none.
  JsonNode operator[](std::string_view key) const;
  JsonNode operator[](size_t index) const;

  // The value, or an error that says what it is instead. With a fallback, null is that.
  Result<std::string> Str() const;
  Result<std::string> Str(std::string_view fallback) const;
  Result<bool> Bool() const;
  Result<bool> Bool(bool fallback) const;
  Result<int64_t> Int(int64_t least, int64_t most) const;
  Result<double> Float() const;
  Result<const boost::json::object*> Object() const;
  Result<const boost::json::array*> Array() const;
  // The items; none where it is null.
  Result<std::vector<JsonNode>> Items() const;
  Result<std::vector<std::string>> Strings() const;

  // "tokenizer.json: model.vocab: " and the problem.
  Error Bad(std::string_view problem) const;
  Error Unknown(std::string_view problem) const;  // the same, Code::kUnsupported
  // ... "is an array, expected " and what was expected.
  Error Not(std::string_view expected) const;

 private:
  JsonNode(const boost::json::value* value, std::string path, size_t file_size)
      : value_(value), path_(std::move(path)), file_size_(file_size) {}
  std::string Where() const;

  const boost::json::value* value_;
  std::string path_;  // the file's name, then ".model.vocab[3]"
  size_t file_size_;
};

// Which loader reads a component, by its "type".
template <class Loader>
struct JsonKind {
  std::string_view type;
  Loader load;
};

// The kind of `node`, an object with a "type"; an error that names those there are.
template <class Loader, size_t N>
Result<const JsonKind<Loader>*> KindOf(const JsonNode& node, const JsonKind<Loader> (&kinds)[N]);

}  // namespace tern

#include <fmt/format.h>

namespace tern {

std::string Shown(std::string_view text);

template <class Loader, size_t N>
Result<const JsonKind<Loader>*> KindOf(const JsonNode& node, const JsonKind<Loader> (&kinds)[N]) {
  TERN_TRY([[maybe_unused]] const auto* object, node.Object());
  TERN_TRY(const std::string type, node["type"].Str());
  std::string known;
  for (const auto& kind : kinds) {
    if (kind.type == type) return &kind;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", kind.type);
  }
  return node["type"].Unknown(fmt::format("{}, supported: {}", Shown(type), known));
}

}  // namespace tern
