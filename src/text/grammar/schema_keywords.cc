#include "text/grammar/schema_keywords.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "text/grammar/string_formats.h"

namespace tern::grammar {
namespace {

namespace json = boost::json;

// One keyword at one place.
struct Use {
  const json::object& schema;
  const json::value& value;
  std::string_view keyword;
  const std::string& path;
  Deadline* deadline;

  Error Expected(std::string_view what) const {
    return SchemaError(Code::kBadInput, path, fmt::format("{}: expected {}", keyword, what));
  }
  Error NotSupported(std::string_view why = "") const {
    return SchemaError(Code::kUnsupported, path, fmt::format("{}: is not supported{}", keyword, why));
  }
  SchemaPart Part(const json::value& member, std::string_view name = "") const {
    std::string place = path + "/" + std::string(keyword);
    if (!name.empty()) place += "/" + std::string(name);
    return {&member, std::move(place)};
  }
};
using Handler = Status (*)(const Use& use, SchemaNeeds* needs);

Status Ignore(const Use&, SchemaNeeds*) { return {}; }
Status Refuse(const Use& use, SchemaNeeds*) { return use.NotSupported(); }

// Where an upper bound is larger, it is this.
constexpr uint32_t kMostCount = 1'000'000;

Result<uint32_t> Count(const Use& use) {
  const json::value& v = use.value;
  double n = -1;
  if (v.is_int64()) n = static_cast<double>(v.get_int64());
  if (v.is_double()) n = v.get_double();
  if (v.is_uint64()) n = static_cast<double>(v.get_uint64());
  if (!(n >= 0) || n != std::floor(n)) return use.Expected("a whole number");
  return static_cast<uint32_t>(std::min(n, static_cast<double>(kMostCount)));
}

Status RaiseCount(const Use& use, uint32_t* count, uint32_t type, SchemaNeeds* needs) {
  TERN_TRY(const uint32_t n, Count(use));
  if (n == kMostCount) return use.NotSupported(fmt::format(" from {} on", kMostCount));
  *count = std::max(*count, n);
  needs->implied_types |= type;
  return {};
}
Status LowerCount(const Use& use, uint32_t* count, uint32_t type, SchemaNeeds* needs) {
  TERN_TRY(const uint32_t n, Count(use));
  *count = std::min(*count, n);
  needs->implied_types |= type;
  return {};
}
template <uint32_t SchemaNeeds::*kMember, uint32_t kType>
Status AtLeast(const Use& use, SchemaNeeds* needs) {
  return RaiseCount(use, &(needs->*kMember), kType, needs);
}
template <uint32_t SchemaNeeds::*kMember, uint32_t kType>
Status AtMost(const Use& use, SchemaNeeds* needs) {
  return LowerCount(use, &(needs->*kMember), kType, needs);
}

Status Type(const Use& use, SchemaNeeds* needs) {
  constexpr struct {
    std::string_view name;
    uint32_t bits;
  } kTypes[] = {{"null", kNullType},     {"boolean", kBooleanType}, {"integer", kIntegerType},
                {"number", kNumberType}, {"string", kStringType},   {"array", kArrayType},
                {"object", kObjectType}};
  uint32_t types = 0;
  const auto add = [&](const json::value& name) {
    for (const auto& type : kTypes) {
      if (name.is_string() && std::string_view(name.get_string()) == type.name) {
        types |= type.bits;
        return true;
      }
    }
    return false;
  };
  bool known = true;
  if (const auto* list = use.value.if_array()) {
    for (const json::value& name : *list) known &= add(name);
  } else {
    known = add(use.value);
  }
  if (!known || types == 0)
    return use.Expected("null, boolean, integer, number, string, array, object, or a list of these");
  const json::value* nullable = use.schema.if_contains("nullable");
  if (nullable != nullptr && nullable->is_bool() && nullable->get_bool()) types |= kNullType;
  needs->types &= types;
  needs->has_types = true;
  return {};
}

Status Nullable(const Use& use, SchemaNeeds*) {
  if (!use.value.is_bool()) return use.Expected("a boolean");
  return {};
}

Status Values(const Use& use, SchemaNeeds* needs) {
  JsonValues values;
  if (use.keyword == "const") {
    values.push_back(&use.value);
  } else {
    const auto* list = use.value.if_array();
    if (list == nullptr || list->empty()) return use.Expected("an array of values, at least one");
    for (const json::value& value : *list) values.push_back(&value);
  }
  needs->values_path = use.path;
  if (!needs->values) {
    needs->values = std::move(values);
    return {};
  }
  needs->values = CommonValues(*needs->values, values, use.deadline);
  return {};
}

Status Text(const Use& use, SchemaNeeds* needs) {
  if (!use.value.is_string()) return use.Expected("a string");
  needs->implied_types |= kStringType;
  // Others than its own are annotations to JSON schema.
  if (use.keyword == "format" && !IsSpecifiedFormat(use.value.get_string())) return {};
  auto& list = use.keyword == "pattern" ? needs->patterns : needs->formats;
  PlacedText placed{std::string(use.value.get_string()), use.path};
  if (std::find(list.begin(), list.end(), placed) == list.end()) list.push_back(std::move(placed));
  return {};
}

int64_t FarBound(const json::value& value) {
  return value.is_double() ? 999'999'999'999'999 : std::numeric_limits<int64_t>::max();
}

Status Bound(const Use& use, SchemaNeeds* needs) {
  bool is_min = use.keyword == "minimum" || use.keyword == "exclusiveMinimum";
  bool excluded = use.keyword.starts_with("exclusive");
  needs->implied_types |= kNumberType;
  if (excluded && use.value.is_bool()) return use.NotSupported(" as a boolean, expected a number");
  if (!use.value.is_number()) return use.Expected("a number");
  auto bound = DecimalOf(use.value);
  // Beyond what numbers have here on that side anyway: those of a float, or an unsigned 64-bit integer.
  const bool is_negative = use.value.to_number<double>() < 0;
  if (!bound && is_min == is_negative) bound = Decimal{is_negative, FarBound(use.value), ""};
  if (!bound) return use.NotSupported(" so far from 0, expected less than 1e15, or an integer of 64 bits");
  if (is_min) {
    needs->bounds.RaiseMin(*bound, excluded);
  } else {
    needs->bounds.LowerMax(*bound, excluded);
  }
  return {};
}

Status MultipleOf(const Use& use, SchemaNeeds* needs) {
  const auto step = use.value.is_number() ? DecimalOf(use.value) : std::nullopt;
  if (!step || step->is_negative || step->is_zero()) return use.Expected("a number above 0");
  if (needs->multiple_of && Compare(*needs->multiple_of, *step) != 0) return use.NotSupported(" twice");
  needs->multiple_of = *step;
  needs->implied_types |= kNumberType;
  return {};
}

Status Items(const Use& use, SchemaNeeds* needs) {
  needs->implied_types |= kArrayType;
  const bool is_list = use.value.is_array();        // before draft 2020-12
  if (use.keyword == "additionalItems") return {};  // read with items
  if (use.keyword == "items" && use.schema.contains("prefixItems")) return {};
  ArrayShape shape;
  if (use.keyword == "items" && !is_list) {
    shape.items = use.Part(use.value);
  } else {
    if (!is_list) return use.Expected("an array of schemas");
    const json::array& list = use.value.get_array();
    for (size_t i = 0; i < list.size(); ++i) shape.prefix.push_back(use.Part(list[i], std::to_string(i)));
    const std::string_view rest = use.keyword == "items" ? "additionalItems" : "items";
    if (const auto* items = use.schema.if_contains(rest))
      shape.items = SchemaPart{items, use.path + "/" + std::string(rest)};
  }
  needs->arrays.push_back(std::move(shape));
  return {};
}

constexpr size_t kStepsPerProperty = 32;

// All keywords of objects at once, by the first of them.
Status ObjectKeywords(const Use& use, SchemaNeeds* needs) {
  needs->implied_types |= kObjectType;
  constexpr std::string_view kAll[] = {"properties", "additionalProperties", "patternProperties",
                                       "propertyNames"};
  for (const std::string_view keyword : kAll) {
    if (keyword == use.keyword) break;
    if (use.schema.contains(keyword)) return {};
  }
  const auto at = [&](std::string_view keyword) -> std::optional<Use> {
    const auto* value = use.schema.if_contains(keyword);
    if (value == nullptr) return std::nullopt;
    return Use{use.schema, *value, keyword, use.path, use.deadline};
  };
  ObjectShape shape;
  if (const auto properties = at("properties")) {
    const auto* members = properties->value.if_object();
    if (members == nullptr) return properties->Expected("an object of schemas");
    for (const auto& member : *members) {
      const std::string_view name = member.key();
      use.deadline->IsOver(kStepsPerProperty * needs->objects.size());
      const bool is_known =
          std::any_of(needs->objects.begin(), needs->objects.end(),
                      [&](const ObjectShape& other) { return other.properties.contains(name); });
      if (!is_known) needs->property_order.push_back(name);
      shape.properties.emplace(name, properties->Part(member.value(), name));
    }
  }
  if (const auto additional = at("additionalProperties"))
    shape.additional = additional->Part(additional->value);
  if (const auto names = at("propertyNames")) shape.names = names->Part(names->value);
  if (const auto patterns = at("patternProperties")) {
    const auto* members = patterns->value.if_object();
    if (members == nullptr) return patterns->Expected("an object of schemas");
    for (const auto& [pattern, schema] : *members) {
      shape.patterns.emplace(std::string_view(pattern), patterns->Part(schema, pattern));
    }
  }
  needs->objects.push_back(std::move(shape));
  return {};
}

Status Required(const Use& use, SchemaNeeds* needs) {
  const auto* list = use.value.if_array();
  if (list == nullptr) return use.Expected("an array of strings");
  for (const json::value& name : *list) {
    if (!name.is_string()) return use.Expected("an array of strings");
    needs->required.insert(std::string_view(name.get_string()));
  }
  needs->implied_types |= kObjectType;
  return {};
}

Status UniqueItems(const Use& use, SchemaNeeds* needs) {
  if (!use.value.is_bool()) return use.Expected("a boolean");
  needs->unique_items |= use.value.get_bool();
  needs->implied_types |= kArrayType;
  return {};
}

Status RefuseUnlessEmpty(const Use& use, SchemaNeeds*) {
  const auto* object = use.value.if_object();
  return object != nullptr && object->empty() ? Status() : use.NotSupported();
}

// Properties are named by schemas that apply, or there are none: what is not said of others is said of none.
Status UnevaluatedProperties(const Use& use, SchemaNeeds* needs) {
  if (!use.value.is_bool()) return use.NotSupported(" as a schema, expected a boolean");
  if (use.value.get_bool()) return {};
  needs->is_closed = true;
  needs->implied_types |= kObjectType;
  return {};
}

// Schemas whose opposite is simple: of types, of values, of a pattern, of a property that is there.
Status Not(const Use& use, SchemaNeeds* needs) {
  if (use.value.is_bool()) {
    needs->is_never |= use.value.get_bool();
    return {};
  }
  const auto* object = use.value.if_object();
  if (object == nullptr) return use.Expected("a schema");
  size_t asked = 0;
  for (const auto& [name, value] : *object) {
    constexpr std::string_view kSimple[] = {"type", "const", "enum", "pattern", "required"};
    const bool is_simple = std::ranges::find(kSimple, std::string_view(name)) != std::end(kSimple);
    if (!is_simple && !IsAnnotation(name)) return use.NotSupported(" with this schema");
    asked += is_simple && name != "type";
  }
  if (asked > 1) return use.NotSupported(" with this schema");
  SchemaNeeds inside;  // without a "not" in it
  TERN_TRY_STATUS(ReadKeywords(*object, use.path + "/not", use.deadline, &inside));
  if (inside.values) {
    for (const json::value* value : *inside.values) {
      if ((TypeOf(*value) & inside.types) == 0) continue;
      if (value->is_string()) {
        needs->excluded_texts.emplace(value->get_string());
      } else if (value->is_null()) {
        needs->types &= ~uint32_t{kNullType};
      } else {
        needs->excluded_values.push_back(value);
      }
    }
    return {};
  }
  if ((inside.types & kNumberType) == kIntegerType) return use.NotSupported(" of integers alone");
  // What is of another type than a pattern or a property speaks of satisfies it.
  uint32_t type = 0;
  if (asked > 0) type = inside.patterns.empty() ? kObjectType : kStringType;
  needs->has_types = true;
  needs->types &= (type & inside.types) | ~inside.types;
  if ((inside.types & type) == 0) return {};
  if (!inside.patterns.empty()) {
    needs->excluded_patterns.push_back(inside.patterns[0]);
    return {};
  }
  if (inside.required.size() != 1) return use.NotSupported(" of more than one required property");
  needs->forbidden.insert(*inside.required.begin());
  return {};
}

struct Keyword {
  std::string_view name;
  Handler read;
};
// These say nothing about values.
constexpr std::string_view kAnnotations[] = {
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "$vocabulary",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "defaultSnippets",
    "definitions",
    "deprecated",
    "deprecationMessage",
    "description",
    "discriminator",
    "doNotSuggest",
    "enumDescriptions",
    "enumNames",
    "errorMessage",
    "example",
    "examples",
    "externalDocs",
    "id",
    "markdownDescription",
    "markdownEnumDescriptions",
    "maxContains",  // without contains
    "minContains",
    "propertyOrdering",
    "readOnly",
    "title",
    "writeOnly",
    "xml",
};

constexpr Keyword kKeywords[] = {
    {"$ref", Ignore},  // read by the caller, as allOf, anyOf and oneOf
    {"additionalItems", Items},
    {"additionalProperties", ObjectKeywords},
    {"allOf", Ignore},
    {"anyOf", Ignore},
    {"const", Values},
    {"contains", Refuse},
    {"dependencies", RefuseUnlessEmpty},
    {"dependentRequired", RefuseUnlessEmpty},
    {"dependentSchemas", RefuseUnlessEmpty},
    {"else", Ignore},
    {"enum", Values},
    {"exclusiveMaximum", Bound},
    {"exclusiveMinimum", Bound},
    {"format", Text},
    {"if", Ignore},
    {"items", Items},
    {"maxItems", AtMost<&SchemaNeeds::max_items, kArrayType>},
    {"maxLength", AtMost<&SchemaNeeds::max_length, kStringType>},
    {"maxProperties", AtMost<&SchemaNeeds::max_properties, kObjectType>},
    {"maximum", Bound},
    {"minItems", AtLeast<&SchemaNeeds::min_items, kArrayType>},
    {"minLength", AtLeast<&SchemaNeeds::min_length, kStringType>},
    {"minProperties", AtLeast<&SchemaNeeds::min_properties, kObjectType>},
    {"minimum", Bound},
    {"multipleOf", MultipleOf},
    {"not", Not},
    {"nullable", Nullable},
    {"oneOf", Ignore},
    {"pattern", Text},
    {"patternProperties", ObjectKeywords},
    {"prefixItems", Items},
    {"properties", ObjectKeywords},
    {"propertyNames", ObjectKeywords},
    {"required", Required},
    {"then", Ignore},
    {"type", Type},
    {"unevaluatedProperties", UnevaluatedProperties},
    {"uniqueItems", UniqueItems},
};

}  // namespace

bool IsAnnotation(std::string_view keyword) {
  return keyword.starts_with("x-") || std::ranges::find(kAnnotations, keyword) != std::end(kAnnotations);
}

Status ReadKeywords(const json::object& schema, const std::string& path, Deadline* deadline,
                    SchemaNeeds* needs) {
  for (const auto& [name, value] : schema) {
    const Use use{schema, value, name, path, deadline};
    const auto* keyword = std::find_if(std::begin(kKeywords), std::end(kKeywords),
                                       [&](const Keyword& k) { return k.name == use.keyword; });
    if (keyword == std::end(kKeywords)) {
      if (IsAnnotation(use.keyword)) continue;
      return SchemaError(Code::kUnsupported, path,
                         fmt::format("{}: is not supported", use.keyword.substr(0, 100)));
    }
    TERN_TRY_STATUS(keyword->read(use, needs));
  }
  return {};
}

}  // namespace tern::grammar
