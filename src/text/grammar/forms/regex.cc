// A regular expression that the whole text matches.

#include "text/grammar/grammar.h"
#include "text/grammar/regex_reader.h"

namespace tern {
namespace {

Result<grammar::RuleId> Read(std::string_view source, grammar::Expressions* x) {
  const auto body = grammar::ReadRegex(source, {}, x);
  if (!body.ok()) return Error{body.error().code, "regex: " + body.error().what};
  const grammar::RuleId root = x->NewRule("root");
  x->Define(root, body.value());
  return root;
}

}  // namespace

extern const GrammarFormDesc k_grammarform_regex;
const GrammarFormDesc k_grammarform_regex = {
    .name = "regex",
    .summary = "a regular expression that the whole text matches",
    .read = Read,
};

}  // namespace tern
