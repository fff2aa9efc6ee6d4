#include "server/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/parser.hpp>
#include <cmath>
#include <vector>

namespace tern {
namespace {

namespace json = boost::json;

constexpr size_t kMaxDepth = 64;
constexpr size_t kMostValues = size_t{1} << 19;  // of a body: each takes some 70 bytes at most

struct KindName {
  FieldKind kind;
  std::string_view name;
};
constexpr KindName kNames[] = {{kBool, "true or false"},
                               {kInteger, "an integer"},
                               {kNumber, "a number"},
                               {kString, "a string"},
                               {kObject, "an object"},
                               {kStrings, "a list of strings"},
                               {kObjects, "a list of objects"},
                               {kIntegers, "a list of integers"},
                               {kIntegerLists, "a list of lists of integers"},
                               {kNumbers, "an object of numbers"},
                               {kAnything, "any JSON"},
                               {kTexts, "an object of strings"}};

std::string NamesOf(uint32_t kinds) {
  std::vector<std::string_view> names;
  for (const KindName& k : kNames) {
    if (kinds & k.kind) names.push_back(k.name);
  }
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    text.append(i == 0 ? "" : i + 1 == names.size() ? " or " : ", ").append(names[i]);
  }
  return text;
}

// Integers may come as 3.0, as some clients write all numbers.
bool IsInteger(const json::value& v) {
  if (v.is_int64() || v.is_uint64()) return true;
  return v.is_double() && std::trunc(v.get_double()) == v.get_double() && std::abs(v.get_double()) < 0x1p53;
}

std::string Shown(double x) { return fmt::format("{}", x); }

bool IsRepeated(const SchemaDesc& schema, const FieldDesc& field) {
  const auto first = std::ranges::find(schema.fields, field.name, &FieldDesc::name);
  return &*first != &field;
}

bool IsKnown(const SchemaDesc& schema, std::string_view name) {
  return std::ranges::find(schema.fields, name, &FieldDesc::name) != schema.fields.end();
}

// What nobody has checked, nobody shall read.
void DropUnknown(const SchemaDesc& schema, json::object& object) {
  const auto known = [&](const auto& member) { return IsKnown(schema, member.key()); };
  if (std::ranges::all_of(object, known)) return;
  json::object kept;
  for (auto& member : object) {
    if (known(member)) kept.emplace(member.key(), std::move(member.value()));
  }
  object = std::move(kept);
}

bool IsNameLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '-';
}

bool AreEqual(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return a.to_number<double>() == b.to_number<double>();
  return a == b;
}

class Checker {
 public:
  std::optional<FieldError> error;

  void Object(const SchemaDesc& schema, json::object& object, const std::string& path) {
    if (!schema.open) DropUnknown(schema, object);
    for (const FieldDesc& field : schema.fields) {
      if (IsRepeated(schema, field)) continue;
      const std::string name =
          path.empty() ? std::string(field.name) : fmt::format("{}.{}", path, field.name);
      const auto found = object.find(field.name);
      if (found != object.end() && !found->value().is_null()) {
        Field(field, found->value(), name);
      } else {
        if (found != object.end()) object.erase(found);
        if (field.required) Fail(name, "required");
      }
      if (error) return;
    }
  }

 private:
  void Fail(const std::string& path, std::string_view what) {
    if (!error) error = {path, fmt::format("{}: {}", path, what)};
  }

  void Field(const FieldDesc& field, json::value& v, const std::string& path) {
    if (!field.only.empty()) return Only(field, v, path);
    if (!Has(field, v)) return Fail(path, "expected " + NamesOf(field.kinds));
    if (field.kinds & kAnything) return;
    if (v.is_number()) return Number(field, v, path);
    if (v.is_string()) return String(field, v.get_string(), path);
    if (v.is_array()) return List(field, v.get_array(), path);
    if (!v.is_object()) return;
    if (field.kinds & (kNumbers | kTexts)) return Entries(field, v.get_object(), path);
    if (field.object != nullptr) Object(*field.object, v.get_object(), path);
  }

  void Only(const FieldDesc& field, const json::value& v, const std::string& path) {
    if (AreEqual(v, json::parse(field.only))) return;
    Fail(path, field.only == "null" ? "not supported" : fmt::format("not supported but for {}", field.only));
  }

  static bool Has(const FieldDesc& field, const json::value& v) {
    const uint32_t k = field.kinds;
    if (k & kAnything) return true;
    if (v.is_bool()) return k & kBool;
    if (v.is_number()) return (k & kNumber) || ((k & kInteger) && IsInteger(v));
    if (v.is_string()) return k & kString;
    if (v.is_object()) return k & (kObject | kNumbers | kTexts);
    if (!v.is_array()) return false;
    const json::array& list = v.get_array();
    const auto all = [&list](auto is) { return std::all_of(list.begin(), list.end(), is); };
    if ((k & kStrings) && all([](const json::value& e) { return e.is_string(); })) return true;
    if ((k & kObjects) && all([](const json::value& e) { return e.is_object(); })) return true;
    if ((k & kIntegers) && all(IsInteger)) return true;
    const auto integers = [](const json::value& e) {
      return e.is_array() && std::all_of(e.get_array().begin(), e.get_array().end(), IsInteger);
    };
    return (k & kIntegerLists) && all(integers);
  }

  void Number(const FieldDesc& field, const json::value& v, const std::string& path) {
    const double x = v.to_number<double>();
    if (x >= field.min && x <= field.max) return;
    constexpr double kNone = std::numeric_limits<double>::max();
    const std::string range = field.max == kNone    ? "at least " + Shown(field.min)
                              : field.min == -kNone ? "at most " + Shown(field.max)
                                                    : Shown(field.min) + " to " + Shown(field.max);
    Fail(path, fmt::format("{}, expected {}", Shown(x), range));
  }

  void String(const FieldDesc& field, std::string_view text, const std::string& path) {
    if (text.size() > field.max_bytes) {
      return Fail(path, fmt::format("{} bytes, expected at most {}", text.size(), field.max_bytes));
    }
    if (field.is_name && (text.empty() || !std::ranges::all_of(text, IsNameLetter))) {
      return Fail(path, "expected a name of letters, digits, _, . and -");
    }
    if (field.is_word &&
        (text.empty() || text.find('.') != text.npos || !std::ranges::all_of(text, IsNameLetter))) {
      return Fail(path, "expected a name of letters, digits, _ and -");
    }
    if (field.choices.empty() || std::ranges::find(field.choices, text) != field.choices.end()) return;
    Fail(path, fmt::format("expected one of {}", fmt::join(field.choices, ", ")));
  }

  void List(const FieldDesc& field, json::array& list, const std::string& path) {
    if (list.size() > field.max_items) {
      return Fail(path, fmt::format("{} items, expected at most {}", list.size(), field.max_items));
    }
    for (size_t i = 0; i < list.size() && !error; ++i) {
      const std::string at = fmt::format("{}[{}]", path, i);
      if (list[i].is_string()) String(field, list[i].get_string(), at);
      if (list[i].is_number()) Number(field, list[i], at);
      if (list[i].is_array()) List(field, list[i].get_array(), at);
      if (list[i].is_object() && field.object != nullptr) Object(*field.object, list[i].get_object(), at);
    }
  }

  void Entries(const FieldDesc& field, const json::object& entries, const std::string& path) {
    if (entries.size() > field.max_items) {
      return Fail(path, fmt::format("{} entries, expected at most {}", entries.size(), field.max_items));
    }
    for (const auto& entry : entries) {
      if ((field.kinds & kNumbers) && !entry.value().is_number()) return Fail(path, "expected numbers");
      if ((field.kinds & kTexts) && !entry.value().is_string()) return Fail(path, "expected strings");
      if (entry.value().is_number()) Number(field, entry.value(), path);
      if (entry.value().is_string()) String(field, entry.value().get_string(), path);
      if (error) return;
    }
  }
};

json::object KindJson(const FieldDesc& field, FieldKind kind);

json::object ItemsJson(const FieldDesc& field, FieldKind item) {
  json::object list{{"type", "array"}, {"items", KindJson(field, item)}};
  if (field.max_items < (1 << 20)) list["maxItems"] = field.max_items;
  return list;
}

void PutRange(const FieldDesc& field, json::object& schema) {
  constexpr double kNone = std::numeric_limits<double>::max();
  if (field.min != -kNone) schema["minimum"] = field.min;
  if (field.max != kNone) schema["maximum"] = field.max;
}

json::object KindJson(const FieldDesc& field, FieldKind kind) {
  json::object schema;
  switch (kind) {
    case kBool:
      return {{"type", "boolean"}};
    case kInteger:
    case kNumber:
      schema["type"] = kind == kInteger ? "integer" : "number";
      PutRange(field, schema);
      return schema;
    case kString:
      schema["type"] = "string";
      if (!field.choices.empty()) schema["enum"] = json::array(field.choices.begin(), field.choices.end());
      if (field.is_word) schema["pattern"] = fmt::format("^[A-Za-z0-9_-]{{1,{}}}$", field.max_bytes);
      if (field.is_name) schema["pattern"] = fmt::format("^[A-Za-z0-9_.-]{{1,{}}}$", field.max_bytes);
      return schema;
    case kObject:
      return field.object != nullptr ? SchemaJson(*field.object) : json::object{{"type", "object"}};
    case kStrings:
      return ItemsJson(field, kString);
    case kObjects:
      return ItemsJson(field, kObject);
    case kIntegers:
      return ItemsJson(field, kInteger);
    case kIntegerLists:
      return {{"type", "array"}, {"items", ItemsJson(field, kInteger)}};
    case kNumbers:
      return {{"type", "object"}, {"additionalProperties", KindJson(field, kNumber)}};
    case kTexts:
      return {{"type", "object"}, {"additionalProperties", KindJson(field, kString)}};
    case kAnything:
      return {};
  }
  return {};
}

json::object FieldJson(const FieldDesc& field) {
  json::array kinds;
  for (const KindName& k : kNames) {
    if (field.kinds & k.kind) kinds.push_back(KindJson(field, k.kind));
  }
  json::object schema = kinds.size() == 1 ? kinds[0].get_object() : json::object{{"anyOf", kinds}};
  if (!field.only.empty()) schema = {{"enum", json::array{json::parse(field.only)}}};
  if (!field.help.empty()) schema["description"] = field.help;
  if (!field.fallback.empty()) schema["default"] = json::parse(field.fallback);
  return schema;
}

bool IsJsonSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Depth is the parser's; a number beyond the range of a double becomes infinite.
bool AllFinite(const json::value& v) {
  if (v.is_double()) return std::isfinite(v.get_double());
  if (v.is_array()) return std::ranges::all_of(v.get_array(), AllFinite);
  if (!v.is_object()) return true;
  return std::ranges::all_of(v.get_object(), [](const auto& entry) { return AllFinite(entry.value()); });
}

// How many values a text has if it is JSON, no more than one beyond `most`; names of members count. Looks at
// each byte once and keeps nothing: what is too much is known before any of it is made.
size_t CountValues(std::string_view text, size_t most) {
  size_t count = 1;
  bool in_string = false;
  for (size_t i = 0; i < text.size() && count <= most; ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == ',' || c == ':' || c == '[' || c == '{') {
      ++count;
    }
  }
  return count;
}

}  // namespace

std::optional<FieldError> CheckFields(const SchemaDesc& schema, json::object& object) {
  Checker checker;
  checker.Object(schema, object, "");
  return checker.error;
}

Result<json::object> ParseBody(std::string_view body) {
  if (CountValues(body, kMostValues) > kMostValues) {
    return BadInput(fmt::format("the body has more than {} JSON values", kMostValues));
  }
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::parser parser({}, options);
  const size_t read = parser.write_some(body.data(), body.size(), error);
  if (!error && !std::ranges::all_of(body.substr(read), IsJsonSpace)) error = json::error::extra_data;
  if (error) return BadInput(fmt::format("the body is not JSON: {} at byte {}", error.message(), read));
  json::value value = parser.release();
  if (!value.is_object()) return BadInput("the body is not a JSON object");
  if (!AllFinite(value)) return BadInput("the body holds a number beyond the range of a double");
  return std::move(value.get_object());
}

json::object SchemaJson(const SchemaDesc& schema) {
  json::object properties;
  json::array required;
  for (const FieldDesc& field : schema.fields) {
    if (IsRepeated(schema, field)) continue;
    properties[field.name] = FieldJson(field);
    if (field.required) required.push_back(json::string(field.name));
  }
  json::object result{{"type", "object"}, {"title", schema.name}, {"properties", std::move(properties)}};
  if (!required.empty()) result["required"] = std::move(required);
  return result;
}

}  // namespace tern
