#pragma once
// SchemaReader: a JSON schema as rules. Each conjunction of schemas is one rule, made once, so schemas may
// refer to themselves; nothing here calls itself. Not thread-safe.

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/grammar/dfa.h"
#include "text/grammar/json_rules.h"
#include "text/grammar/schema_parts.h"

namespace tern::grammar {

// Whether texts that a schema lists are as `needs` ask, which must outlive it.
class TextCheck {
 public:
  static Result<TextCheck> Make(const SchemaNeeds& needs, Expressions* expressions);
  bool Allows(std::string_view text) const;

 private:
  explicit TextCheck(const SchemaNeeds* needs) : needs_(needs) {}
  const SchemaNeeds* needs_;
  std::optional<Dfa> patterns_;
};

class SchemaReader {
 public:
  // `document` must outlive it.
  SchemaReader(const boost::json::value& document, Expressions* expressions)
      : document_{document, expressions->deadline(), &negations_}, x_(*expressions), rules_(expressions) {}
  Result<RuleId> Read();

 private:
  using Key = std::vector<std::pair<const boost::json::value*, int>>;
  struct Waiting {
    RuleId rule;
    Conjunction parts;
    size_t depth;
  };
  static constexpr size_t kMostRules = 20'000, kStepsPerSchema = 256;

  // The rule of a conjunction, to be read later.
  ExprId Reference(const Conjunction& parts);
  Result<ExprId> Body(const SchemaNeeds& needs);
  Result<ExprId> Alternatives(const SchemaNeeds& needs);
  Result<bool> IsPossible(const Conjunction& parts);
  Result<ExprId> Values(const SchemaNeeds& needs);
  Result<JsonValues> FittingValues(const SchemaNeeds& needs);
  Result<bool> Fits(const boost::json::value& value, const SchemaNeeds& needs, const TextCheck& texts);
  Result<ExprId> String(const SchemaNeeds& needs);
  Result<ExprId> Number(const SchemaNeeds& needs, bool only_integers);
  Result<ExprId> Array(const SchemaNeeds& needs);
  // Of a set whose values are all known.
  Result<ExprId> UniqueItems(const SchemaNeeds& needs);
  Result<ExprId> Object(const SchemaNeeds& needs);
  struct Names;
  Result<Names> NamesOf(const SchemaNeeds& needs);
  Result<Conjunction> Property(const SchemaNeeds& needs, std::string_view name);
  // Pairs of properties that have no names; Never: there are none.
  Result<ExprId> OtherPair(const SchemaNeeds& needs, const Names& names);
  Result<ExprId> PatternPair(const SchemaNeeds& needs, const Names& names);
  // Members in order of which some number must be there, of those and of `other` together.
  ExprId Counted(std::span<const Member> members, ExprId other, uint32_t min, uint32_t max);

  std::map<const boost::json::value*, boost::json::value> negations_;
  const SchemaDocument document_;
  Expressions& x_;
  JsonRules rules_;
  std::map<Key, RuleId> made_;
  std::vector<Waiting> waiting_;
  size_t depth_ = 0;  // of the schema being read
  bool too_deep_ = false;
  std::string deep_path_;
};

// Whether no value satisfies both; false where that is not known.
bool AreDisjoint(const SchemaDocument& document, const SchemaNeeds& a, const SchemaNeeds& b);

// The characters of a string that `needs` allow, without quotes; an error where it cannot be enforced.
Result<ExprId> StringContent(const SchemaNeeds& needs, JsonRules* rules, Expressions* expressions);
// The strings that patterns, formats and lengths allow, and those alone.
Result<Dfa> StringDfa(const SchemaNeeds& needs, Expressions* expressions);

}  // namespace tern::grammar
