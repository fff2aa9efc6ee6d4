#pragma once
// Grammar: a compiled description of the texts that an answer may be. Immutable; any thread. What it is made
// from is one file per form, and one line in grammar_forms.list.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "text/grammar/automaton.h"
#include "text/grammar/expressions.h"

namespace tern {

// A kind of description: "json_schema", "regex", ...
struct GrammarFormDesc {
  std::string_view name;
  std::string_view summary;
  // Reads `source` into rules; the rule that is the whole text.
  Required<Result<grammar::RuleId> (*)(std::string_view source, grammar::Expressions* expressions)> read;
};
std::span<const GrammarFormDesc* const> AllGrammarForms();
Result<const GrammarFormDesc*> FindGrammarForm(std::string_view name);

class Grammar {
 public:
  static constexpr size_t kMostSource = size_t{1} << 20;  // bytes
  // Errors name the place in the source and what is not supported, or the budget that was exceeded.
  static Result<std::shared_ptr<const Grammar>> Compile(const GrammarFormDesc& form, std::string_view source,
                                                        const grammar::Budget& budget = {});
  const grammar::Automaton& automaton() const { return automaton_; }
  size_t bytes() const { return automaton_.bytes(); }

 private:
  explicit Grammar(grammar::Automaton automaton) : automaton_(std::move(automaton)) {}
  grammar::Automaton automaton_;
};

// Whether a whole text is one that the grammar describes, or where it stops being the beginning of one.
struct GrammarMatch {
  bool matches = false;
  size_t accepted = 0;  // bytes that begin some text of the grammar
};
Result<GrammarMatch> MatchText(const Grammar& grammar, std::string_view text);

}  // namespace tern
