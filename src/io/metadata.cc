#include <cstdint>
#include <limits>

#include "io/checkpoint.h"

namespace tern {
namespace {

std::string_view KindOf(const MetaValue& value) {
  constexpr std::string_view kKinds[] = {"a bool",
                                         "an integer",
                                         "an integer",
                                         "a number",
                                         "a string",
                                         "an array of bools",
                                         "an array of integers",
                                         "an array of integers",
                                         "an array of numbers",
                                         "an array of strings"};
  static_assert(std::size(kKinds) == std::variant_size_v<MetaValue>);
  return kKinds[value.index()];
}

Error Missing(std::string_view key) { return NotFound(std::string(key) + ": missing from the metadata"); }

Error WrongKind(std::string_view key, const MetaValue& value, std::string_view expected) {
  return BadInput(std::string(key) + ": is " + std::string(KindOf(value)) + ", expected " +
                  std::string(expected));
}

Result<int64_t> AsInt(std::string_view key, const MetaValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return *number;
  const auto* number = std::get_if<uint64_t>(&value);
  if (number == nullptr) return WrongKind(key, value, "an integer");
  if (*number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return BadInput(std::string(key) + ": is " + std::to_string(*number) + ", expected at most 2^63 - 1");
  }
  return static_cast<int64_t>(*number);
}

// Some writers store whole numbers as integers.
Result<double> AsFloat(std::string_view key, const MetaValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* number = std::get_if<int64_t>(&value)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<uint64_t>(&value)) return static_cast<double>(*number);
  return WrongKind(key, value, "a number");
}

Result<bool> AsBool(std::string_view key, const MetaValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  return WrongKind(key, value, "a bool");
}

Result<std::string> AsStr(std::string_view key, const MetaValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return WrongKind(key, value, "a string");
}

}  // namespace

const MetaValue* Metadata::Find(std::string_view key) const {
  const auto found = map_.find(key);
  return found == map_.end() ? nullptr : &found->second;
}

Result<int64_t> Metadata::Int(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  return AsInt(key, *value);
}

Result<int64_t> Metadata::Int(std::string_view key, int64_t fallback) const {
  const MetaValue* value = Find(key);
  return value == nullptr ? Result<int64_t>(fallback) : AsInt(key, *value);
}

Result<double> Metadata::Float(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  return AsFloat(key, *value);
}

Result<double> Metadata::Float(std::string_view key, double fallback) const {
  const MetaValue* value = Find(key);
  return value == nullptr ? Result<double>(fallback) : AsFloat(key, *value);
}

Result<bool> Metadata::Bool(std::string_view key, bool fallback) const {
  const MetaValue* value = Find(key);
  return value == nullptr ? Result<bool>(fallback) : AsBool(key, *value);
}

Result<std::string> Metadata::Str(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value == nullptr) return Missing(key);
  return AsStr(key, *value);
}

Result<std::string> Metadata::Str(std::string_view key, std::string_view fallback) const {
  const MetaValue* value = Find(key);
  return value == nullptr ? Result<std::string>(std::string(fallback)) : AsStr(key, *value);
}

const std::vector<std::string>* Metadata::Strings(std::string_view key) const {
  const MetaValue* value = Find(key);
  return value == nullptr ? nullptr : std::get_if<std::vector<std::string>>(value);
}

}  // namespace tern
