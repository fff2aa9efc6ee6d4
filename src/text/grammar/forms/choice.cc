// One of some texts. The source is a JSON array of strings.

#include <boost/json/array.hpp>

#include "io/json_text.h"
#include "text/grammar/grammar.h"

namespace tern {
namespace {

Result<grammar::RuleId> Read(std::string_view source, grammar::Expressions* x) {
  TERN_TRY(const boost::json::value value, ParseJson(source, "choice", 4));
  const auto* array = value.if_array();
  if (array == nullptr || array->empty())
    return BadInput("choice: expected a JSON array of strings, at least one");
  std::vector<grammar::ExprId> choices;
  for (const boost::json::value& each : *array) {
    if (!each.is_string())
      return BadInput("choice: expected a JSON array of strings, and nothing else in it");
    choices.push_back(x->Literal(each.get_string()));
  }
  const grammar::RuleId root = x->NewRule("root");
  x->Define(root, x->Choice(choices));
  return root;
}

}  // namespace

extern const GrammarFormDesc k_grammarform_choice;
const GrammarFormDesc k_grammarform_choice = {
    .name = "choice",
    .summary = "one of some texts: a JSON array of strings",
    .read = Read,
};

}  // namespace tern
