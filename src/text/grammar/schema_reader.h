#pragma once
// SchemaReader: a JSON schema as rules. Each conjunction of schemas is one rule, made once, so schemas may
// refer to themselves; nothing here calls itself. Not thread-safe.

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/grammar/json_rules.h"
#include "text/grammar/schema_parts.h"

namespace tern::grammar {

class SchemaReader {
 public:
  // `document` must outlive it.
  SchemaReader(const boost::json::value& document, Expressions* expressions)
      : document_{document, expressions->deadline()}, x_(*expressions), rules_(expressions) {}
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
  Result<ExprId> Values(const SchemaNeeds& needs);
  Result<ExprId> String(const SchemaNeeds& needs);
  Result<ExprId> Number(const SchemaNeeds& needs, bool only_integers);
  Result<ExprId> Array(const SchemaNeeds& needs);
  Result<ExprId> Object(const SchemaNeeds& needs);
  // Pairs of properties that the schema does not name; Never: there are none.
  Result<ExprId> OtherPair(const SchemaNeeds& needs, const std::vector<std::string>& names);

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

}  // namespace tern::grammar
