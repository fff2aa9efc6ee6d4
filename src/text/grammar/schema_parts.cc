#include "text/grammar/schema_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_map>

#include "text/grammar/schema_keywords.h"

namespace tern::grammar {
namespace {

namespace json = boost::json;

constexpr size_t kMostParts = 256;

// "~1" is "/", "~0" is "~", "%25" is "%".
std::string Unescaped(std::string_view token) {
  std::string text;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      text += token[++i] == '0' ? '~' : '/';
    } else if (token[i] == '%' && i + 2 < token.size()) {
      text += static_cast<char>(std::strtol(std::string(token.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      text += token[i];
    }
  }
  return text;
}

Result<SchemaPart> Resolve(const json::value& document, const SchemaPart& from, const json::value& ref) {
  if (!ref.is_string()) return SchemaError(Code::kBadInput, from.path, "$ref: expected a string");
  const std::string_view name = ref.get_string();
  if (name != "#" && !name.starts_with("#/")) {
    return SchemaError(
        Code::kUnsupported, from.path,
        fmt::format("$ref: \"{}\": is not supported, expected \"#\" or \"#/...\"", name.substr(0, 100)));
  }
  const json::value* at = &document;
  for (std::string_view rest = name.substr(1); !rest.empty();) {
    rest.remove_prefix(1);
    const size_t end = std::min(rest.find('/'), rest.size());
    const std::string token = Unescaped(rest.substr(0, end));
    rest.remove_prefix(end);
    const json::value* next = nullptr;
    if (const auto* object = at->if_object()) next = object->if_contains(token);
    if (const auto* array = at->if_array();
        array && !token.empty() && token.size() < 6 && token.find_first_not_of("0123456789") == token.npos) {
      next = array->if_contains(static_cast<size_t>(std::atoi(token.c_str())));
    }
    if (next == nullptr) {
      return SchemaError(Code::kBadInput, from.path,
                         fmt::format("$ref: \"{}\": there is no such place", name.substr(0, 100)));
    }
    at = next;
  }
  return SchemaPart{at, std::string(name)};
}

bool IsListed(const Conjunction& parts, const SchemaPart& part) {
  return std::any_of(parts.begin(), parts.end(), [&](const SchemaPart& p) {
    return p.schema == part.schema && p.no_any_of == part.no_any_of && p.no_one_of == part.no_one_of &&
           p.no_null == part.no_null && p.no_if == part.no_if;
  });
}

class Collector {
 public:
  explicit Collector(const SchemaDocument& document) : document_(document) {}

  Result<SchemaNeeds> Collect(const Conjunction& parts) {
    for (const SchemaPart& part : parts) Add(part);
    for (size_t i = 0; i < needs_.parts.size(); ++i) {
      if (needs_.parts.size() > kMostParts) {
        return SchemaError(Code::kExhausted, parts[0].path,
                           fmt::format("more than {} schemas joined by $ref and allOf", kMostParts));
      }
      TERN_TRY(const bool goes_on, Read(i));
      if (!goes_on) break;
    }
    return std::move(needs_);
  }

 private:
  void Add(const SchemaPart& part) {
    if (!IsListed(needs_.parts, part)) needs_.parts.push_back(part);
  }

  // False: the rest is read with one of the alternatives.
  Result<bool> Read(size_t index) {
    const SchemaPart part = needs_.parts[index];
    if (part.schema->is_bool()) {
      needs_.is_never |= !part.schema->get_bool();
      return true;
    }
    const auto* object = part.schema->if_object();
    if (object == nullptr) return SchemaError(Code::kBadInput, part.path, "expected an object or a boolean");
    if (part.within != nullptr) TERN_TRY_STATUS(Link(part, part.within, part.schema));
    if (IsNullable(*object) && !part.no_null) {
      static const json::value kNull = {{"type", "null"}};
      if (!needs_.alternatives)
        needs_.alternatives = {SchemaNeeds::Alternatives::kNullable, index, {{{&kNull, part.path}}, {part}}};
      return false;
    }
    needs_.parts[index].is_expanded = true;
    TERN_TRY_STATUS(ReadKeywords(*object, part.path, &document_.deadline, &needs_));
    TERN_TRY_STATUS(Expand(*object, part));
    for (const bool exactly_one : {false, true}) {
      const auto* value = object->if_contains(exactly_one ? "oneOf" : "anyOf");
      if (value == nullptr || (exactly_one ? part.no_one_of : part.no_any_of)) continue;
      std::vector<SchemaPart> members;
      TERN_TRY_STATUS(Members(*value, exactly_one ? "oneOf" : "anyOf", part, &members));
      if (needs_.alternatives) continue;
      using Kind = SchemaNeeds::Alternatives;
      needs_.alternatives = {exactly_one ? Kind::kOneOf : Kind::kAnyOf, index, {}};
      for (SchemaPart& member : members) {
        member.within = part.schema;
        needs_.alternatives->members.push_back({std::move(member)});
      }
    }
    TERN_TRY_STATUS(ReadIf(*object, part, index));
    return true;
  }

  // Beside a type it is part of that.
  static bool IsNullable(const json::object& object) {
    const auto* nullable = object.if_contains("nullable");
    return nullable != nullptr && nullable->is_bool() && nullable->get_bool() && !object.contains("type");
  }

  Status ReadIf(const json::object& object, const SchemaPart& part, size_t index) {
    const auto* condition = object.if_contains("if");
    const auto *then = object.if_contains("then"), *otherwise = object.if_contains("else");
    if (condition == nullptr || (then == nullptr && otherwise == nullptr) || part.no_if) return {};
    if (needs_.alternatives) return {};
    TERN_TRY(const json::value* opposite, OppositeOf(*condition, part));
    Conjunction yes = {{condition, part.path + "/if"}}, no = {{opposite, part.path + "/if"}};
    if (then != nullptr) yes.push_back({then, part.path + "/then"});
    if (otherwise != nullptr) no.push_back({otherwise, part.path + "/else"});
    for (Conjunction* each : {&yes, &no}) {
      for (SchemaPart& member : *each) member.within = part.schema;
    }
    needs_.alternatives = {SchemaNeeds::Alternatives::kIf, index, {std::move(yes), std::move(no)}};
    return {};
  }

  // Of one property's schema, or of what "not" knows.
  Result<const json::value*> OppositeOf(const json::value& schema, const SchemaPart& part) {
    const auto [at, is_new] = document_.negations->try_emplace(&schema);
    if (!is_new) return &at->second;
    const auto* object = schema.if_object();
    const auto* properties = object != nullptr ? object->if_contains("properties") : nullptr;
    if (properties == nullptr) {
      at->second = {{"not", schema}};
      return &at->second;
    }
    const auto* members = properties->if_object();
    const auto* required = object->if_contains("required");
    const bool is_one_property =
        members != nullptr && members->size() == 1 && std::ranges::all_of(*object, [](const auto& member) {
          return member.key() == "properties" || member.key() == "required" || IsAnnotation(member.key()) ||
                 (member.key() == "type" && member.value() == "object");
        });
    const json::array name =
        is_one_property ? json::array{json::string(members->begin()->key())} : json::array();
    if (!is_one_property || (required != nullptr && *required != name)) {
      return SchemaError(
          Code::kUnsupported, part.path,
          "if: is not supported with this schema, expected a const or an enum of one property");
    }
    json::object opposite{{"type", "object"},
                          {"properties", {{name[0].get_string(), {{"not", members->begin()->value()}}}}}};
    if (required == nullptr) opposite["required"] = name;
    at->second = std::move(opposite);
    return &at->second;
  }

  Status Expand(const json::object& object, const SchemaPart& part) {
    if (const auto* ref = object.if_contains("$ref")) {
      TERN_TRY(const SchemaPart target, Resolve(document_.root, part, *ref));
      TERN_TRY_STATUS(Link(part, part.schema, target.schema));
      if (!part.is_expanded) Add(target);
    }
    if (const auto* all = object.if_contains("allOf")) {
      std::vector<SchemaPart> members;
      TERN_TRY_STATUS(Members(*all, "allOf", part, &members));
      for (const SchemaPart& member : members) {
        TERN_TRY_STATUS(Link(part, part.schema, member.schema));
        if (!part.is_expanded) Add(member);
      }
    }
    return {};
  }

  // A value that satisfies `from` must satisfy `to`; an error where that leads back.
  Status Link(const SchemaPart& part, const json::value* from, const json::value* to) {
    links_[from].insert(to);
    std::vector<const json::value*> waiting = {to};
    std::set<const json::value*> seen;
    while (!waiting.empty() && !document_.deadline.IsOver(16)) {
      const json::value* at = waiting.back();
      waiting.pop_back();
      if (at == from) {
        return SchemaError(Code::kBadInput, part.path,
                           "$ref: leads back to itself with nothing between, expected a property or an item");
      }
      if (!seen.insert(at).second) continue;
      const auto next = links_.find(at);
      if (next != links_.end()) waiting.insert(waiting.end(), next->second.begin(), next->second.end());
    }
    return {};
  }

  static Status Members(const json::value& value, std::string_view keyword, const SchemaPart& part,
                        std::vector<SchemaPart>* members) {
    const auto* array = value.if_array();
    if (array == nullptr || array->empty()) {
      return SchemaError(Code::kBadInput, part.path,
                         fmt::format("{}: expected an array of schemas", keyword));
    }
    for (size_t i = 0; i < array->size(); ++i) {
      members->push_back({&(*array)[i], fmt::format("{}/{}/{}", part.path, keyword, i)});
    }
    return {};
  }

  const SchemaDocument& document_;
  SchemaNeeds needs_;
  std::map<const json::value*, std::set<const json::value*>> links_;
};

constexpr size_t kStepsPerValue = 64;

bool SameValue(const json::value& a, const json::value& b) {
  // Pairs that are still to be compared.
  std::vector<std::pair<const json::value*, const json::value*>> waiting = {{&a, &b}};
  while (!waiting.empty()) {
    const auto [x, y] = waiting.back();
    waiting.pop_back();
    if (x->is_number() && y->is_number()) {
      if (x->is_double() || y->is_double()) {
        if (x->to_number<double>() != y->to_number<double>()) return false;
      } else if (*x != *y) {
        return false;
      }
      continue;
    }
    if (x->kind() != y->kind()) return false;
    if (const auto* object = x->if_object()) {
      if (object->size() != y->get_object().size()) return false;
      for (const auto& [key, value] : *object) {
        const auto* other = y->get_object().if_contains(key);
        if (other == nullptr) return false;
        waiting.push_back({&value, other});
      }
    } else if (const auto* array = x->if_array()) {
      if (array->size() != y->get_array().size()) return false;
      for (size_t i = 0; i < array->size(); ++i) waiting.push_back({&(*array)[i], &y->get_array()[i]});
    } else if (*x != *y) {
      return false;
    }
  }
  return true;
}

// The same for values that are the same: a sum over what is inside, in whatever order.
uint64_t HashOf(const json::value& whole) {
  constexpr uint64_t kOdd = 0x9E3779B97F4A7C15ull;
  const auto text_hash = std::hash<std::string_view>();
  uint64_t sum = 0;
  std::vector<std::pair<const json::value*, uint64_t>> waiting = {{&whole, 1}};  // with a hash of the place
  while (!waiting.empty()) {
    const auto [value, place] = waiting.back();
    waiting.pop_back();
    uint64_t own = static_cast<uint64_t>(value->is_number() ? json::kind::double_ : value->kind());
    if (value->is_number()) own += std::hash<double>()(value->to_number<double>()) * kOdd;
    if (value->is_bool()) own += value->get_bool() ? 16 : 32;
    if (value->is_string()) own += text_hash(value->get_string()) * kOdd;
    if (const auto* object = value->if_object()) {
      for (const auto& [key, member] : *object) waiting.push_back({&member, (place ^ text_hash(key)) * kOdd});
    } else if (const auto* array = value->if_array()) {
      for (size_t i = 0; i < array->size(); ++i) waiting.push_back({&(*array)[i], (place + i) * kOdd});
    }
    own = (own ^ place) * kOdd;
    sum += own ^ own >> 32;
  }
  return sum;
}

}  // namespace

Result<SchemaNeeds> CollectNeeds(const SchemaDocument& document, const Conjunction& parts) {
  return Collector(document).Collect(parts);
}

Error SchemaError(Code code, std::string_view path, std::string_view problem) {
  return Error{code,
               fmt::format("json schema: {}: {}", path.size() > 400 ? path.substr(0, 400) : path, problem)};
}

Conjunction SchemaNeeds::With(const Conjunction& alternative) const {
  Conjunction all = parts;
  const auto& [kind, part, members] = *alternatives;
  if (kind == Alternatives::kNullable) {
    const bool is_null = alternative[0].schema != parts[part].schema;
    all[part].no_null = true;
    if (is_null) all[part] = alternative[0];
    return all;
  }
  (kind == Alternatives::kOneOf ? all[part].no_one_of
   : kind == Alternatives::kIf  ? all[part].no_if
                                : all[part].no_any_of) = true;
  all.insert(all.end(), alternative.begin(), alternative.end());
  return all;
}

Conjunction SchemaNeeds::Property(std::string_view name) const {
  Conjunction all;
  for (const ObjectShape& shape : objects) {
    if (const auto at = shape.properties.find(name); at != shape.properties.end()) {
      all.push_back(at->second);
    } else if (shape.additional && shape.patterns.empty()) {
      all.push_back(*shape.additional);
    }
  }
  return all;
}

Conjunction SchemaNeeds::Item(size_t index) const {
  Conjunction all;
  for (const ArrayShape& shape : arrays) {
    if (index < shape.prefix.size()) {
      all.push_back(shape.prefix[index]);
    } else if (shape.items) {
      all.push_back(*shape.items);
    }
  }
  return all;
}

size_t SchemaNeeds::prefix_size() const {
  size_t size = 0;
  for (const ArrayShape& shape : arrays) size = std::max(size, shape.prefix.size());
  return size;
}

std::optional<Conjunction> SchemaNeeds::Additional() const {
  Conjunction all;
  bool is_named = false;
  for (const ObjectShape& shape : objects) {
    is_named |= !shape.properties.empty();
    if (shape.additional) all.push_back(*shape.additional);
  }
  // What is not said of other properties is said of none: a model asked for some keys should not invent more.
  if (all.empty() && (is_named || is_closed)) return std::nullopt;
  for (const SchemaPart& part : all) {
    if (part.schema->is_bool() && !part.schema->get_bool()) return std::nullopt;
  }
  return all;
}

uint32_t TypeOf(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return kNullType;
    case json::kind::bool_:
      return kBooleanType;
    case json::kind::int64:
    case json::kind::uint64:
      return kIntegerType;
    case json::kind::double_:
      return std::floor(value.get_double()) == value.get_double() ? kIntegerType : kFractionType;
    case json::kind::string:
      return kStringType;
    case json::kind::array:
      return kArrayType;
    default:
      return kObjectType;
  }
}

JsonValues CommonValues(const JsonValues& values, const JsonValues& others, Deadline* deadline) {
  constexpr size_t kFewPairs = 16;
  JsonValues common;
  if (values.size() * others.size() <= kFewPairs) {
    for (const json::value* value : values) {
      if (std::ranges::any_of(others, [&](const json::value* v) { return SameValue(*value, *v); }))
        common.push_back(value);
    }
    return common;
  }
  std::unordered_multimap<uint64_t, const json::value*> known;
  for (const json::value* other : others) {
    if (deadline->IsOver(kStepsPerValue)) break;
    known.emplace(HashOf(*other), other);
  }
  const auto is_known = [&](const json::value* value) {
    const auto [begin, end] = known.equal_range(HashOf(*value));
    return std::any_of(begin, end, [&](const auto& pair) {
      return !deadline->IsOver(kStepsPerValue) && SameValue(*value, *pair.second);
    });
  };
  for (const json::value* value : values) {
    if (!deadline->IsOver(kStepsPerValue) && is_known(value)) common.push_back(value);
  }
  return common;
}

}  // namespace tern::grammar
