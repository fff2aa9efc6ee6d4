#pragma once
// What a JSON schema asks of a value, collected from the schemas that it must all satisfy: a schema, what its
// $ref names, and the members of allOf. Nothing is copied: parts point into the document, which must outlive
// them.

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/grammar/number_range.h"

namespace tern::grammar {

struct SchemaPart {
  const boost::json::value* schema;
  std::string path;  // "#/properties/a"
  // What of it is taken care of elsewhere.
  bool is_expanded = false;  // $ref and allOf
  bool no_any_of = false, no_one_of = false, no_null = false, no_if = false;
  // The schema of which it is an alternative.
  const boost::json::value* within = nullptr;
};
// A value must satisfy all of them. Empty: any value.
using Conjunction = std::vector<SchemaPart>;

enum TypeBit : uint32_t {
  kNullType = 1,
  kBooleanType = 2,
  kIntegerType = 4,
  kFractionType = 8,  // numbers that are no integers
  kNumberType = kIntegerType | kFractionType,
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
  kAllTypes = 127,
};

// The array keywords of one part, the object keywords of one part.
struct ArrayShape {
  std::vector<SchemaPart> prefix;
  std::optional<SchemaPart> items;  // of those behind the prefix
};
struct ObjectShape {
  std::map<std::string_view, SchemaPart> properties;
  std::optional<SchemaPart> additional, names;
  std::map<std::string_view, SchemaPart> patterns;
};
// A text with the place it came from, for messages.
struct PlacedText {
  std::string text, path;
  bool operator==(const PlacedText& other) const { return text == other.text; }
};

using JsonValues = std::vector<const boost::json::value*>;

struct SchemaNeeds {
  Conjunction parts;  // expanded: without $ref and allOf
  bool is_never = false;
  uint32_t types = kAllTypes;
  bool has_types = false;
  uint32_t implied_types = 0;        // those that keywords speak of
  std::optional<JsonValues> values;  // enum, const
  std::string values_path;
  JsonValues excluded_values;  // but for strings
  uint32_t min_length = 0, max_length = kUnbounded;
  std::vector<PlacedText> patterns, formats, excluded_patterns;
  std::set<std::string, std::less<>> excluded_texts;
  NumberBounds bounds;
  std::optional<Decimal> multiple_of;
  uint32_t min_items = 0, max_items = kUnbounded;
  bool unique_items = false;
  std::vector<ArrayShape> arrays;
  uint32_t min_properties = 0, max_properties = kUnbounded;
  std::vector<std::string_view> property_order;
  std::set<std::string_view> required, forbidden;
  bool is_closed = false;  // unevaluatedProperties
  std::vector<ObjectShape> objects;
  // The first anyOf, oneOf, nullable or if: the part it belongs to, its members.
  struct Alternatives {
    enum Kind { kAnyOf, kOneOf, kNullable, kIf } kind;
    size_t part;
    std::vector<Conjunction> members;
  };
  std::optional<Alternatives> alternatives;
  // The parts with one of the alternatives.
  Conjunction With(const Conjunction& alternative) const;

  // What values to use where none of the parts say: those the keywords speak of.
  uint32_t used_types() const { return has_types || implied_types == 0 ? types : types & implied_types; }
  bool requires_property(std::string_view name) const { return required.contains(name); }
  const std::string& path() const { return parts[0].path; }
  // What a property must satisfy, patterns of names aside; an item at an index.
  Conjunction Property(std::string_view name) const;
  Conjunction Item(size_t index) const;
  // Of properties that none of the parts name. Nothing: there are none.
  std::optional<Conjunction> Additional() const;
  size_t prefix_size() const;
};

inline constexpr size_t kMostSchemaDepth = 64;

// The schema as a whole, and the time there is to compile it.
struct SchemaDocument {
  const boost::json::value& root;
  Deadline& deadline;
  // The opposites of schemas at "if", made once.
  std::map<const boost::json::value*, boost::json::value>* negations;
};

// Errors name the path and the keyword. Once time is up, what it finds is worth nothing.
Result<SchemaNeeds> CollectNeeds(const SchemaDocument& document, const Conjunction& parts);
Error SchemaError(Code code, std::string_view path, std::string_view problem);

// Those of `values` that are the same as one of `others` to JSON schema: 1 and 1.0 are.
JsonValues CommonValues(const JsonValues& values, const JsonValues& others, Deadline* deadline);
uint32_t TypeOf(const boost::json::value& value);

}  // namespace tern::grammar
