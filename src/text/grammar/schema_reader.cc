#include "text/grammar/schema_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace tern::grammar {

namespace json = boost::json;

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
    key.emplace_back(part.schema, part.is_expanded + 2 * part.no_any_of + 4 * part.no_one_of +
                                      8 * part.no_null + 16 * part.no_if);
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
  const bool excludes_some =
      !needs.excluded_texts.empty() || !needs.excluded_patterns.empty() || !needs.excluded_values.empty();
  if (types == kAllTypes && needs.implied_types == 0 && !excludes_some) return rules_.Value();
  for (const json::value* value : needs.excluded_values) {
    if ((TypeOf(*value) & types & ~uint32_t{kBooleanType}) == 0) continue;
    return SchemaError(Code::kUnsupported, needs.path(),
                       "not: of a number, an array or an object is not supported, expected them in an enum");
  }
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
  if (types & kBooleanType) {
    for (const bool value : {true, false}) {
      const json::value own(value);
      const JsonValues excluded = CommonValues({&own}, needs.excluded_values, &x_.deadline());
      if (excluded.empty()) choices.push_back(rules_.Constant(own));
    }
  }
  if (types & kNullType) choices.push_back(rules_.Null());
  return x_.Choice(choices);
}

// The members of anyOf or oneOf one by one, each together with everything beside it.
Result<ExprId> SchemaReader::Alternatives(const SchemaNeeds& needs) {
  const auto& alternatives = *needs.alternatives;
  const bool exactly_one = alternatives.kind == SchemaNeeds::Alternatives::kOneOf;
  std::vector<ExprId> choices;
  std::vector<SchemaNeeds> collected;
  for (const Conjunction& member : alternatives.members) {
    const Conjunction parts = needs.With(member);
    if (alternatives.kind == SchemaNeeds::Alternatives::kIf) {
      TERN_TRY(const bool is_possible, IsPossible(parts));
      if (!is_possible) continue;
    }
    choices.push_back(Reference(parts));
    if (x_.exhausted(kStepsPerSchema)) return x_.Never();
    if (!exactly_one) continue;
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

// False: a property that must be there has no value. Many if beside each other are mostly of one property.
Result<bool> SchemaReader::IsPossible(const Conjunction& parts) {
  TERN_TRY(const SchemaNeeds needs, CollectNeeds(document_, parts));
  if (needs.is_never) return false;
  for (const std::string_view name : needs.required) {
    if (x_.exhausted(kStepsPerSchema)) break;
    if (needs.forbidden.contains(name)) return false;
    TERN_TRY(const SchemaNeeds own, CollectNeeds(document_, needs.Property(name)));
    if (!own.values) continue;
    TERN_TRY(const JsonValues values, FittingValues(own));
    if (values.empty()) return false;
  }
  return true;
}

Result<bool> SchemaReader::Fits(const json::value& value, const SchemaNeeds& needs, const TextCheck& texts) {
  const uint32_t type = TypeOf(value);
  if ((needs.types & type) == 0) return false;
  if (type & kStringType) return texts.Allows(value.get_string());
  if (type & kNumberType) {
    if (!needs.bounds.any() && !needs.multiple_of) return true;
    const auto decimal = DecimalOf(value);
    const auto step = needs.multiple_of ? ScaledOf(*needs.multiple_of) : std::nullopt;
    if (!decimal || (needs.multiple_of && !step)) {
      return SchemaError(Code::kUnsupported, needs.values_path,
                         "enum or const far from 0 beside bounds or multipleOf: is not supported");
    }
    return needs.bounds.Contains(*decimal) && (!step || IsMultiple(*decimal, *step));
  }
  if ((needs.implied_types & type) != 0) {
    return SchemaError(Code::kUnsupported, needs.values_path,
                       "enum or const beside keywords of arrays or objects: is not supported");
  }
  return true;
}

// Values that satisfy what else is asked, as far as that is known here.
Result<JsonValues> SchemaReader::FittingValues(const SchemaNeeds& needs) {
  JsonValues fitting;
  TERN_TRY(const TextCheck texts, TextCheck::Make(needs, &x_));
  for (const json::value* value : *needs.values) {
    if (x_.exhausted(1)) break;
    TERN_TRY(const bool fits, Fits(*value, needs, texts));
    if (fits) fitting.push_back(value);
  }
  if (needs.excluded_values.empty()) return fitting;
  const JsonValues excluded = CommonValues(fitting, needs.excluded_values, &x_.deadline());
  const std::set<const json::value*> out(excluded.begin(), excluded.end());
  std::erase_if(fitting, [&](const json::value* value) { return out.contains(value); });
  return fitting;
}

Result<ExprId> SchemaReader::Values(const SchemaNeeds& needs) {
  TERN_TRY(const JsonValues values, FittingValues(needs));
  std::vector<ExprId> choices;
  for (const json::value* value : values) {
    if (x_.exhausted(1)) return x_.Never();
    choices.push_back(rules_.Constant(*value));
  }
  return x_.Choice(choices);
}

Result<ExprId> SchemaReader::String(const SchemaNeeds& needs) {
  if (needs.patterns.empty() && needs.formats.empty() && needs.excluded_patterns.empty()) {
    if (needs.excluded_texts.empty()) return rules_.String(needs.min_length, needs.max_length);
    if (needs.min_length == 0 && needs.max_length == kUnbounded)
      return rules_.StringExcept({needs.excluded_texts.begin(), needs.excluded_texts.end()});
  }
  TERN_TRY(const ExprId content, StringContent(needs, &rules_, &x_));
  return rules_.Quoted(content);
}

Result<ExprId> SchemaReader::Number(const SchemaNeeds& needs, bool only_integers) {
  if (!needs.multiple_of) {
    if (!only_integers) return needs.bounds.any() ? NumbersBetween(needs.bounds, &x_) : rules_.Number();
    return needs.bounds.any() ? IntegersBetween(needs.bounds, 0, &x_) : rules_.Integer();
  }
  auto step = ScaledOf(*needs.multiple_of);
  if (step && only_integers) *step = WholeMultiple(*step);
  const auto multiples = step ? MultiplesBetween(needs.bounds, *step, &x_) : std::nullopt;
  if (x_.exhausted()) return x_.Never();  // said by Compile
  if (!multiples) {
    return SchemaError(
        Code::kUnsupported, needs.path(),
        "multipleOf: so many digits are not supported, expected up to 3, or bounds that leave few "
        "values");
  }
  return *multiples;
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
  if (needs.unique_items && needs.max_items > 1) return UniqueItems(needs);
  if (prefix == 0) return rules_.Enclosed("[", rules_.List(item, least, more), "]");
  ExprId rest = x_.Repeat(x_.Sequence({rules_.Comma(), item}), least, may_go_on ? more : least);
  for (uint32_t i = prefix; i-- > 0;) {
    const ExprId own = Reference(needs.Item(i));
    rest = x_.Sequence({i == 0 ? own : x_.Sequence({rules_.Comma(), own}), rest});
    if (i >= needs.min_items) rest = x_.Optional(rest);
  }
  return rules_.Enclosed("[", rest, "]");
}

}  // namespace tern::grammar
