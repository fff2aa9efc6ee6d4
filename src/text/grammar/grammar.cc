#include "text/grammar/grammar.h"

#include <fmt/format.h>

#include "text/grammar/simulation.h"

namespace tern {

#define GRAMMAR_FORM(name) extern const GrammarFormDesc k_grammarform_##name;
#include "text/grammar/grammar_forms.list"
#undef GRAMMAR_FORM

namespace {

constexpr const GrammarFormDesc* kForms[] = {
#define GRAMMAR_FORM(name) &k_grammarform_##name,
#include "text/grammar/grammar_forms.list"
#undef GRAMMAR_FORM
};

}  // namespace

std::span<const GrammarFormDesc* const> AllGrammarForms() { return kForms; }

Result<const GrammarFormDesc*> FindGrammarForm(std::string_view name) {
  std::string names;
  for (const GrammarFormDesc* form : kForms) {
    if (form->name == name) return form;
    names += (names.empty() ? "" : ", ") + std::string(form->name);
  }
  return NotFound(fmt::format("grammar form '{}': not known, expected one of {}", name, names));
}

Result<std::shared_ptr<const Grammar>> Grammar::Compile(const GrammarFormDesc& form, std::string_view source,
                                                        const grammar::Budget& budget) {
  if (source.size() > kMostSource) {
    return Exhausted(fmt::format("grammar: {} bytes, expected at most {}", source.size(), kMostSource));
  }
  grammar::Expressions expressions(budget);
  TERN_TRY(const grammar::RuleId root, form.read.value(source, &expressions));
  TERN_TRY(grammar::Automaton automaton, grammar::Compile(&expressions, root));
  return std::shared_ptr<const Grammar>(new Grammar(std::move(automaton)));
}

Result<GrammarMatch> MatchText(const Grammar& grammar, std::string_view text) {
  grammar::Simulation simulation(grammar.automaton());
  std::vector<grammar::Thread> threads, next;
  grammar::StepNotes notes;
  simulation.Enter(simulation.Start(), &threads, &notes);
  size_t accepted = 0;
  for (; accepted < text.size(); ++accepted) {
    notes.can_end = false;
    const size_t end = threads.size();
    simulation.BeginOperation();
    simulation.Step(0, end, static_cast<uint8_t>(text[accepted]), &threads, &notes);
    TERN_TRY_STATUS(simulation.status());
    if (threads.size() == end && !notes.can_end) return GrammarMatch{false, accepted};
    threads.erase(threads.begin(), threads.begin() + static_cast<ptrdiff_t>(end));
  }
  TERN_TRY_STATUS(simulation.status());
  return GrammarMatch{notes.can_end, accepted};
}

}  // namespace tern
