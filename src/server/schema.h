#pragma once
// What a request may say: each field's type, range and default, once. The same description parses requests,
// writes /openapi.json and the docs, and tells the fuzzer what to try.
//
// Checked are types and ranges of the fields that are known; others are taken out, as clients of newer
// protocols expect: nobody behind the check sees what was not checked. null stands for the default. What
// fields mean together is the route's business.

#include <array>
#include <boost/json/object.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tern {

struct SchemaDesc;

// What a field takes; several where a protocol allows several.
enum FieldKind : uint32_t {
  kBool = 1,
  kInteger = 2,
  kNumber = 4,  // integers, too
  kString = 8,
  kObject = 16,
  kStrings = 32,  // lists
  kObjects = 64,
  kIntegers = 128,
  kIntegerLists = 256,
  kNumbers = 512,    // an object of numbers by name
  kAnything = 1024,  // JSON that the server only passes on, or that another parser reads
  kTexts = 2048,     // an object of strings by name
};

struct FieldDesc {
  std::string_view name;
  uint32_t kinds = 0;
  std::string_view help = {};
  double min = -std::numeric_limits<double>::max(), max = std::numeric_limits<double>::max();
  size_t max_bytes = 16 << 20;                     // of a string, and of each in a list
  size_t max_items = 1 << 20;                      // of a list or an object of numbers or strings
  std::span<const std::string_view> choices = {};  // of strings
  bool is_name = false;                // of strings: of letters, digits, "_", "." and "-", not empty
  bool is_word = false;                // the same without "."
  const SchemaDesc* object = nullptr;  // of objects, alone or in a list
  bool required = false;
  std::string_view fallback = {};  // the default as JSON, for people
  // Not supported but for this value, as JSON: "false", "[\"text\"]"; null is always one. Numbers are equal
  // by their value.
  std::string_view only = {};
};

// Several lists of fields as one; of fields of the same name the first counts.
template <size_t... N>
constexpr auto JoinFields(const FieldDesc (&... lists)[N]) {
  std::array<FieldDesc, (N + ...)> all{};
  size_t count = 0;
  const auto add = [&](std::span<const FieldDesc> list) {
    for (const FieldDesc& field : list) all[count++] = field;
  };
  (add(lists), ...);
  return all;
}

struct SchemaDesc {
  std::string_view name;
  std::span<const FieldDesc> fields;
  bool open =
      false;  // members that are not listed stay: a chat template may want them, and nobody else reads them
};

// An error that names the field: "messages[2].content".
struct FieldError {
  std::string param, message;
};

// Removes nulls and what the schema does not list, and checks the rest. Nothing to say: all is well.
std::optional<FieldError> CheckFields(const SchemaDesc& schema, boost::json::object& object);

// The body of a request as JSON: an object, at most 64 deep, of 512 Ki values (which take many times their
// bytes) at most, finite numbers, valid UTF-8; of members of one name the last counts. The error says at
// which byte it is none.
Result<boost::json::object> ParseBody(std::string_view body);

// JSON schema (2020-12) of the description, for /openapi.json.
boost::json::object SchemaJson(const SchemaDesc& schema);

}  // namespace tern
