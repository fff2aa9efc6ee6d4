// Objects: SchemaReader::Object and what it needs.

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "text/grammar/schema_reader.h"

namespace tern::grammar {
namespace {

namespace json = boost::json;

constexpr size_t kStepsPerName = 256, kMostPatterns = 4, kMostCountedPlaces = 20'000;

struct NamePattern {
  size_t shape;
  PlacedText text;
  SchemaPart part;
};
std::vector<NamePattern> PatternsOf(const SchemaNeeds& needs) {
  std::vector<NamePattern> patterns;
  for (size_t i = 0; i < needs.objects.size(); ++i) {
    for (const auto& [text, part] : needs.objects[i].patterns) {
      patterns.push_back({i, {std::string(text), part.path}, part});
    }
  }
  return patterns;
}

Error Refused(const SchemaNeeds& needs, std::string_view keyword, std::string_view expected) {
  return SchemaError(Code::kUnsupported, needs.path(),
                     fmt::format("{}: is not supported here, expected {}", keyword, expected));
}

}  // namespace

// The properties that have names of their own, in order; no others have these.
struct SchemaReader::Names {
  std::vector<std::string> ordered;
  std::optional<SchemaNeeds> key;  // what propertyNames asks of all names
  bool is_all = false;             // it lists them
};

Result<SchemaReader::Names> SchemaReader::NamesOf(const SchemaNeeds& needs) {
  Names names;
  std::set<std::string_view> known;
  const auto add = [&](std::string_view name) {
    if (known.insert(name).second) names.ordered.emplace_back(name);
  };
  for (const std::string_view name : needs.property_order) add(name);
  for (const std::string_view name : needs.required) add(name);
  // A part like any other, so that alternatives have it too.
  static const json::value kString = {{"type", "string"}};
  Conjunction keys;
  for (const ObjectShape& shape : needs.objects) {
    if (!shape.names) continue;
    if (keys.empty()) keys.push_back({&kString, shape.names->path});
    keys.push_back(*shape.names);
  }
  if (keys.empty()) return names;
  TERN_TRY(names.key, CollectNeeds(document_, keys));
  const bool is_listed = names.key->values && !names.key->alternatives;
  if (!is_listed && names.key->alternatives && (!names.ordered.empty() || !needs.forbidden.empty())) {
    return Refused(needs, "propertyNames", "no anyOf or oneOf in it beside other properties");
  }
  if (is_listed) {
    TERN_TRY(const JsonValues values, FittingValues(*names.key));
    std::set<std::string_view> listed;
    for (const json::value* value : values) listed.insert(value->get_string());
    std::erase_if(names.ordered, [&](const std::string& name) { return !listed.contains(name); });
    for (const json::value* value : values) add(value->get_string());
    names.is_all = true;
    return names;
  }
  TERN_TRY(const TextCheck check, TextCheck::Make(*names.key, &x_));
  std::erase_if(names.ordered, [&](const std::string& name) { return !check.Allows(name); });
  return names;
}

Result<Conjunction> SchemaReader::Property(const SchemaNeeds& needs, std::string_view name) {
  Conjunction all = needs.Property(name);
  for (const ObjectShape& shape : needs.objects) {
    bool is_matched = shape.patterns.empty() || shape.properties.contains(name);
    for (const auto& [text, part] : shape.patterns) {
      SchemaNeeds pattern;
      pattern.patterns.push_back({std::string(text), part.path});
      TERN_TRY(const TextCheck check, TextCheck::Make(pattern, &x_));
      if (!check.Allows(name)) continue;
      is_matched = true;
      all.push_back(part);
    }
    if (!is_matched && shape.additional) all.push_back(*shape.additional);
  }
  return all;
}

Result<ExprId> SchemaReader::OtherPair(const SchemaNeeds& needs, const Names& names) {
  if (names.is_all) return x_.Never();
  const bool has_patterns =
      std::ranges::any_of(needs.objects, [](const ObjectShape& shape) { return !shape.patterns.empty(); });
  if (has_patterns) return PatternPair(needs, names);
  const auto additional = needs.Additional();
  if (!additional) return x_.Never();
  std::vector<std::string> taken = names.ordered;
  taken.insert(taken.end(), needs.forbidden.begin(), needs.forbidden.end());
  if (!names.key) return rules_.Pair(rules_.StringExcept(taken), Reference(*additional));
  SchemaNeeds key = *names.key;
  key.excluded_texts.insert(taken.begin(), taken.end());
  TERN_TRY(const ExprId string, Body(key));
  return rules_.Pair(string, Reference(*additional));
}

// For each choice of the patterns, names that match these and not the others.
Result<ExprId> SchemaReader::PatternPair(const SchemaNeeds& needs, const Names& names) {
  const std::vector<NamePattern> patterns = PatternsOf(needs);
  if (patterns.size() > kMostPatterns || (names.key && names.key->alternatives)) {
    return Refused(needs, "patternProperties",
                   fmt::format("at most {} patterns, and no anyOf in propertyNames", kMostPatterns));
  }
  std::vector<ExprId> pairs;
  for (uint32_t chosen = 0; chosen < 1u << patterns.size(); ++chosen) {
    SchemaNeeds key = names.key.value_or(SchemaNeeds{});
    key.excluded_texts.insert(names.ordered.begin(), names.ordered.end());
    key.excluded_texts.insert(needs.forbidden.begin(), needs.forbidden.end());
    Conjunction value;
    std::vector<bool> is_matched(needs.objects.size(), false);
    for (size_t i = 0; i < patterns.size(); ++i) {
      const bool is_chosen = (chosen >> i & 1) != 0;
      (is_chosen ? key.patterns : key.excluded_patterns).push_back(patterns[i].text);
      if (!is_chosen) continue;
      is_matched[patterns[i].shape] = true;
      value.push_back(patterns[i].part);
    }
    for (size_t i = 0; i < needs.objects.size(); ++i) {
      if (!is_matched[i] && needs.objects[i].additional) value.push_back(*needs.objects[i].additional);
    }
    // What is not said of other properties is said of none.
    if (value.empty()) continue;
    const bool is_never = std::ranges::any_of(
        value, [](const SchemaPart& part) { return part.schema->is_bool() && !part.schema->get_bool(); });
    if (is_never) continue;
    TERN_TRY(const ExprId content, StringContent(key, &rules_, &x_));
    if (content != x_.Never()) pairs.push_back(rules_.Pair(rules_.Quoted(content), Reference(value)));
  }
  return x_.Choice(pairs);
}

Result<ExprId> SchemaReader::Object(const SchemaNeeds& needs) {
  TERN_TRY(const Names names, NamesOf(needs));
  TERN_TRY(const ExprId other, OtherPair(needs, names));
  std::vector<Member> members;
  size_t required = 0;
  for (const std::string& name : names.ordered) {
    if (x_.exhausted(kStepsPerName + 16 * needs.objects.size())) return x_.Never();
    if (needs.forbidden.contains(name)) continue;
    const ExprId key = x_.Literal(SpelledString(name));
    TERN_TRY(const Conjunction value, Property(needs, name));
    members.push_back({rules_.Pair(key, Reference(value)), needs.requires_property(name)});
    required += members.back().required;
  }
  if (required < needs.required.size()) return x_.Never();  // one that no property may have
  if (members.empty()) {
    if (needs.min_properties > 1) return Refused(needs, "minProperties", "at most 1: keys may repeat");
    return rules_.Enclosed("{", rules_.List(other, needs.min_properties, needs.max_properties), "}");
  }
  const bool is_counted = needs.min_properties > required || needs.max_properties < members.size() ||
                          (needs.max_properties != kUnbounded && other != x_.Never());
  if (!is_counted) return rules_.Enclosed("{", x_.Members(members, rules_.Comma(), other), "}");
  if (needs.min_properties > members.size() + 1 && other != x_.Never()) {
    return Refused(needs, "minProperties", "at most 1 more than are named: keys may repeat");
  }
  const size_t most = needs.max_properties == kUnbounded ? needs.min_properties : needs.max_properties;
  if (members.size() * std::min(members.size(), most) > kMostCountedPlaces) {
    return Refused(needs, "minProperties or maxProperties", "fewer properties");
  }
  return rules_.Enclosed("{", Counted(members, other, needs.min_properties, needs.max_properties), "}");
}

ExprId SchemaReader::Counted(std::span<const Member> members, ExprId other, uint32_t min, uint32_t max) {
  if (min > max) return x_.Never();
  // A place for each member that is next and each number of those that are there; beyond `most` all are the
  // same, or too many.
  const auto n = static_cast<uint32_t>(members.size());
  const uint32_t most = std::max(1u, std::min(n, max == kUnbounded ? min : max));
  const auto place = [&](uint32_t next, uint32_t there) { return next * (most + 1) + there; };
  const uint32_t end = place(n, most) + 1;
  std::vector<GraphEdge> edges;
  const auto separated = [&](ExprId expr) { return x_.Sequence({rules_.Comma(), expr}); };
  for (uint32_t i = 0; i < n; ++i) {
    const ExprId behind_others = separated(members[i].expr);
    for (uint32_t there = 0; there <= most; ++there) {
      if (!members[i].required) edges.push_back({place(i, there), place(i + 1, there), x_.Empty()});
      if (there == max) continue;
      edges.push_back({place(i, there), place(i + 1, std::min(there + 1, most)),
                       there == 0 ? members[i].expr : behind_others});
    }
  }
  for (uint32_t there = 0; there <= most; ++there) {
    const uint32_t more = max == kUnbounded ? kUnbounded : max - std::min(max, there);
    // Others may repeat a key, and count as one.
    if (there + 1 < min) continue;
    const uint32_t least = there < min ? 1 : 0;
    const ExprId rest =
        there == 0 ? rules_.List(other, least, more) : x_.Repeat(separated(other), least, more);
    edges.push_back({place(n, there), end, rest});
  }
  return x_.Graph(end + 1, edges, std::vector<uint32_t>{end});
}

Result<ExprId> SchemaReader::UniqueItems(const SchemaNeeds& needs) {
  constexpr size_t kMostInAnyOrder = 8, kMostValues = 200;
  const auto refused = [&] {
    return SchemaError(
        Code::kUnsupported, needs.path(),
        fmt::format("uniqueItems: is not supported here, expected items of an enum, a const or "
                    "booleans, at most {} values",
                    kMostValues));
  };
  if (needs.prefix_size() > 0) return refused();
  TERN_TRY(const SchemaNeeds item, CollectNeeds(document_, needs.Item(0)));
  if (item.alternatives) return refused();
  JsonValues values;
  static const json::value kTrue = true, kFalse = false, kNull = nullptr;
  if (item.values) {
    TERN_TRY(values, FittingValues(item));
  } else {
    const uint32_t types = item.used_types();
    if ((types & ~uint32_t{kBooleanType | kNullType}) != 0) return refused();
    if (types & kBooleanType) values.insert(values.end(), {&kTrue, &kFalse});
    if (types & kNullType) values.push_back(&kNull);
  }
  JsonValues different;
  for (const json::value* value : values) {
    if (different.size() > kMostValues || x_.exhausted(kStepsPerName)) return refused();
    if (CommonValues({value}, different, &x_.deadline()).empty()) different.push_back(value);
  }
  std::vector<Member> members;
  for (const json::value* value : different) members.push_back({rules_.Constant(*value), false});
  const auto n = static_cast<uint32_t>(members.size());
  if (n > kMostInAnyOrder) {
    return rules_.Enclosed("[", Counted(members, x_.Never(), needs.min_items, needs.max_items), "]");
  }
  // A place for each set of values that are there.
  std::vector<GraphEdge> edges;
  std::vector<uint32_t> ends;
  std::vector<ExprId> behind_others;
  for (const Member& member : members) behind_others.push_back(x_.Sequence({rules_.Comma(), member.expr}));
  for (uint32_t there = 0; there < 1u << n; ++there) {
    const auto count = static_cast<uint32_t>(std::popcount(there));
    if (count >= needs.min_items && count <= needs.max_items) ends.push_back(there);
    for (uint32_t i = 0; i < n && count < needs.max_items; ++i) {
      if ((there >> i & 1) != 0) continue;
      edges.push_back({there, there | 1u << i, there == 0 ? members[i].expr : behind_others[i]});
    }
  }
  return rules_.Enclosed("[", x_.Graph(1u << n, edges, ends), "]");
}

}  // namespace tern::grammar
