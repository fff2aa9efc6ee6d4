// Any JSON object. There is no source.

#include "text/grammar/grammar.h"
#include "text/grammar/json_rules.h"

namespace tern {
namespace {

Result<grammar::RuleId> Read(std::string_view, grammar::Expressions* x) {
  const grammar::RuleId root = x->NewRule("root");
  x->Define(root, grammar::JsonRules(x).Object());
  return root;
}

}  // namespace

extern const GrammarFormDesc k_grammarform_json;
const GrammarFormDesc k_grammarform_json = {
    .name = "json",
    .summary = "any JSON object",
    .read = Read,
};

}  // namespace tern
