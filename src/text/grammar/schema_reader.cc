#include "text/grammar/schema_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace tern::grammar {
namespace {

namespace json = boost::json;

std::string PathOf(const SchemaNeeds& needs) {
  if (needs.parts.empty()) return "#";
  return needs.parts[0].path;
}

}  // namespace

Result<RuleId> SchemaReader::Read() {
  const RuleId root = x_.NewRule("root");
  x_.Define(root, Reference({{&document_.root, "#"}}));
  while (!waiting_.empty()) {
    const Waiting next = std::move(waiting_.back());
    waiting_.pop_back();
    depth_ = next.depth;
    TERN_TRY(const SchemaNeeds needs, CollectNeeds(document_, next.parts));
    TERN_TRY(const ExprId body, Body(needs));
    if (too_deep_) {
      return SchemaError(Code::kExhausted, deep_path_,
                         fmt::format("more than {} schemas in schemas", kMostSchemaDepth));
    }
    x_.Define(next.rule, body);
    if (made_.size() > kMostRules) {
      return SchemaError(Code::kExhausted, next.parts[0].path,
                         fmt::format("more than {} schemas", kMostRules));
    }
    if (x_.exhausted(kStepsPerSchema)) break;  // said by Compile
  }
  return root;
}

ExprId SchemaReader::Reference(const Conjunction& parts) {
  Key key;
  for (const SchemaPart& part : parts) {
    key.emplace_back(part.schema, part.is_expanded + 2 * part.no_any_of + 4 * part.no_one_of);
  }
  const auto [at, is_new] = made_.try_emplace(std::move(key), 0);
  if (is_new) {
    if (parts.empty())
      return at->second = x_.NewRule("any"), x_.Define(at->second, rules_.Value()), x_.Rule(at->second);
    at->second = x_.NewRule(parts[0].path);
    if (depth_ + 1 > kMostSchemaDepth) {
      too_deep_ = true;
      deep_path_ = parts[0].path;
    }
    waiting_.push_back({at->second, parts, depth_ + 1});
  }
  return x_.Rule(at->second);
}

Result<ExprId> SchemaReader::Body(const SchemaNeeds& needs) {
  if (needs.is_never) return x_.Never();
  if (needs.alternatives) return Alternatives(needs);
  if (needs.values) return Values(needs);
  const uint32_t types = needs.used_types();
  if (types == kAllTypes && needs.implied_types == 0) return rules_.Value();
  std::vector<ExprId> choices;
  if (types & kStringType) {
    TERN_TRY(const ExprId string, String(needs));
    choices.push_back(string);
  }
  if (types & kNumberType) {
    TERN_TRY(const ExprId number, Number(needs, (types & kFractionType) == 0));
    choices.push_back(number);
  }
  if (types & kObjectType) {
    TERN_TRY(const ExprId object, Object(needs));
    choices.push_back(object);
  }
  if (types & kArrayType) {
    TERN_TRY(const ExprId array, Array(needs));
    choices.push_back(array);
  }
  if (types & kBooleanType) choices.push_back(rules_.Boolean());
  if (types & kNullType) choices.push_back(rules_.Null());
  return x_.Choice(choices);
}

// The members of anyOf or oneOf one by one, each together with everything beside it.
Result<ExprId> SchemaReader::Alternatives(const SchemaNeeds& needs) {
  const auto& alternatives = *needs.alternatives;
  std::vector<ExprId> choices;
  std::vector<SchemaNeeds> collected;
  for (const SchemaPart& member : alternatives.members) {
    Conjunction parts = needs.parts;
    SchemaPart& owner = parts[alternatives.part];
    (alternatives.exactly_one ? owner.no_one_of : owner.no_any_of) = true;
    parts.push_back(member);
    choices.push_back(Reference(parts));
    if (x_.exhausted(kStepsPerSchema)) return x_.Never();
    if (!alternatives.exactly_one) continue;
    TERN_TRY(SchemaNeeds member_needs, CollectNeeds(document_, parts));
    for (size_t i = 0; i < collected.size(); ++i) {
      if (AreDisjoint(document_, collected[i], member_needs)) continue;
      return SchemaError(
          Code::kUnsupported, needs.parts[alternatives.part].path,
          fmt::format("oneOf: schemas {} and {} are not known to exclude each other; expected different "
                      "types, or a property with different constants; anyOf has no such need",
                      i, collected.size()));
    }
    collected.push_back(std::move(member_needs));
  }
  return x_.Choice(choices);
}

// Values that satisfy what else is asked, as far as that is known here.
Result<ExprId> SchemaReader::Values(const SchemaNeeds& needs) {
  std::vector<ExprId> choices;
  for (const json::value* value : *needs.values) {
    if (x_.exhausted(1)) return x_.Never();
    const uint32_t type = TypeOf(*value);
    if ((needs.types & type) == 0) continue;
    bool fits = true;
    if (type & kNumberType) {
      const auto decimal = DecimalOf(*value);
      if (needs.multiple_of || (needs.bounds.any() && !decimal)) {
        return SchemaError(Code::kUnsupported, needs.values_path,
                           "enum or const beside multipleOf, or far from 0 beside bounds: is not supported");
      }
      fits = !needs.bounds.any() || needs.bounds.Contains(*decimal);
    } else if ((needs.implied_types & type) != 0) {
      return SchemaError(Code::kUnsupported, needs.values_path,
                         "enum or const beside keywords of its values' type: is not supported");
    }
    if (fits) choices.push_back(rules_.Constant(*value));
  }
  return x_.Choice(choices);
}

Result<ExprId> SchemaReader::String(const SchemaNeeds& needs) {
  if (needs.patterns.empty() && needs.formats.empty())
    return rules_.String(needs.min_length, needs.max_length);
  TERN_TRY(const ExprId content, StringContent(needs, &rules_, &x_));
  return rules_.Quoted(content);
}

Result<ExprId> SchemaReader::Number(const SchemaNeeds& needs, bool only_integers) {
  const int64_t step = needs.multiple_of.value_or(1);
  if (!only_integers && !needs.multiple_of) {
    return needs.bounds.any() ? NumbersBetween(needs.bounds, &x_) : rules_.Number();
  }
  uint32_t zeros = 0;
  int64_t rest = step;
  for (; rest % 10 == 0; rest /= 10) ++zeros;
  if (rest == 1) {
    return needs.bounds.any() || zeros > 0 ? IntegersBetween(needs.bounds, zeros, &x_) : rules_.Integer();
  }
  constexpr int64_t kMostListed = 2000;
  const auto [low, high] = IntegersWithin(needs.bounds);
  if (low && high && *high / step - *low / step <= kMostListed) {
    std::vector<ExprId> choices;
    for (int64_t i = *low / step; i <= *high / step; ++i) {
      if (i * step >= *low && i * step <= *high) choices.push_back(x_.Literal(fmt::format("{}", i * step)));
    }
    return x_.Choice(choices);
  }
  if ((rest != 2 && rest != 5) || zeros > 0 || needs.bounds.any()) {
    return SchemaError(
        Code::kUnsupported, PathOf(needs),
        fmt::format("multipleOf: {}: is not supported without bounds that leave at most {} values, "
                    "expected 2, 5 or a power of 10",
                    step, kMostListed));
  }
  const ExprId last = x_.Class(CharSet::Of(rest == 2 ? "02468" : "05"));
  const ExprId head = x_.Sequence({x_.Class(CharSet{{'1', '9'}}), x_.Repeat(x_.Class(Digits()), 0, 17)});
  return x_.Sequence(
      {x_.Optional(x_.Literal("-")),
       x_.Choice({x_.Sequence({head, last}), x_.Class(CharSet::Of(rest == 2 ? "02468" : "05"))})});
}

Result<ExprId> SchemaReader::Array(const SchemaNeeds& needs) {
  const auto prefix = static_cast<uint32_t>(std::min<size_t>(needs.prefix_size(), needs.max_items));
  bool has_items = prefix == 0 || needs.min_items > prefix;
  for (const ArrayShape& shape : needs.arrays) has_items |= shape.items.has_value();
  const uint32_t more = needs.max_items == kUnbounded ? kUnbounded : needs.max_items - prefix;
  const bool may_go_on = has_items && more > 0;
  const ExprId item = may_go_on ? Reference(needs.Item(needs.prefix_size())) : x_.Never();
  const uint32_t least = needs.min_items > prefix ? needs.min_items - prefix : 0;
  if (needs.min_items > needs.max_items) return x_.Never();
  if (prefix == 0) return rules_.Enclosed("[", rules_.List(item, least, more), "]");
  ExprId rest = x_.Repeat(x_.Sequence({rules_.Comma(), item}), least, may_go_on ? more : least);
  for (uint32_t i = prefix; i-- > 0;) {
    const ExprId own = Reference(needs.Item(i));
    rest = x_.Sequence({i == 0 ? own : x_.Sequence({rules_.Comma(), own}), rest});
    if (i >= needs.min_items) rest = x_.Optional(rest);
  }
  return rules_.Enclosed("[", rest, "]");
}

Result<ExprId> SchemaReader::OtherPair(const SchemaNeeds& needs, const std::vector<std::string>& names) {
  const SchemaPart *key_schema = nullptr, *pattern_schema = nullptr;
  std::string_view pattern;
  for (const ObjectShape& shape : needs.objects) {
    const bool is_special = shape.names || shape.pattern;
    if (!is_special) continue;
    if (key_schema || pattern_schema || !names.empty() || (shape.names && shape.pattern)) {
      return SchemaError(Code::kUnsupported, PathOf(needs),
                         "propertyNames or patternProperties beside other properties: is not supported");
    }
    if (shape.names) key_schema = &*shape.names;
    if (shape.pattern) {
      pattern = shape.pattern->first;
      pattern_schema = &shape.pattern->second;
      if (shape.additional &&
          (!shape.additional->schema->is_bool() || shape.additional->schema->get_bool())) {
        return SchemaError(Code::kUnsupported, shape.additional->path,
                           "additionalProperties beside patternProperties: is not supported, expected false");
      }
    }
  }
  if (pattern_schema != nullptr) {
    SchemaNeeds key;
    key.patterns.push_back({std::string(pattern), pattern_schema->path});
    TERN_TRY(const ExprId content, StringContent(key, &rules_, &x_));
    Conjunction value = {*pattern_schema};
    // To the schemas beside it without a pattern all properties are additional ones.
    for (const ObjectShape& shape : needs.objects) {
      if (!shape.pattern && shape.additional) value.push_back(*shape.additional);
    }
    return rules_.Pair(rules_.Quoted(content), Reference(value));
  }
  const auto additional = needs.Additional();
  if (!additional) return x_.Never();
  if (key_schema == nullptr) return rules_.Pair(rules_.StringExcept(names), Reference(*additional));
  // A part like any other, so that alternatives have it too.
  static const json::value kString = {{"type", "string"}};
  TERN_TRY(const SchemaNeeds key, CollectNeeds(document_, {{&kString, key_schema->path}, *key_schema}));
  TERN_TRY(const ExprId string, Body(key));
  return rules_.Pair(string, Reference(*additional));
}

Result<ExprId> SchemaReader::Object(const SchemaNeeds& needs) {
  std::vector<std::string_view> order = needs.property_order;
  std::set<std::string_view> known(order.begin(), order.end());
  for (const std::string_view name : needs.required) {
    if (!known.contains(name)) order.push_back(name);
  }
  const std::vector<std::string> names(order.begin(), order.end());
  TERN_TRY(const ExprId other, OtherPair(needs, names));
  std::vector<Member> members;
  for (const std::string& name : names) {
    if (x_.exhausted(kStepsPerSchema + 16 * needs.objects.size())) return x_.Never();
    const ExprId key = x_.Literal(SpelledString(name));
    members.push_back({rules_.Pair(key, Reference(needs.Property(name))), needs.requires_property(name)});
  }
  const size_t required = needs.required.size();
  const auto refuse = [&](std::string_view keyword, std::string_view expected) {
    return SchemaError(Code::kUnsupported, PathOf(needs),
                       fmt::format("{}: is not supported here, expected {}", keyword, expected));
  };
  if (members.empty()) {
    if (needs.min_properties > 1) return refuse("minProperties", "at most 1: keys may repeat");
    return rules_.Enclosed("{", rules_.List(other, needs.min_properties, needs.max_properties), "}");
  }
  if (needs.min_properties > required) return refuse("minProperties", "no more than are required");
  if (needs.max_properties < members.size() || (needs.max_properties != kUnbounded && other != x_.Never())) {
    return refuse("maxProperties", "one that the properties named cannot exceed");
  }
  return rules_.Enclosed("{", x_.Members(members, rules_.Comma(), other), "}");
}

}  // namespace tern::grammar
