#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "base/file.h"
#include "base/utf8.h"
#include "cli/command.h"
#include "cli/grammar_flags.h"
#include "cli/terminal.h"
#include "text/grammar/shortest_text.h"

namespace tern {
namespace {

struct Options {
  std::string action, file, form, match;
  bool json = false;
};

constexpr size_t kMostTextBytes = size_t{64} << 20;

struct Facts {
  const GrammarFormDesc* form;
  size_t source_bytes, states, edges, calls, bytes;
  double compile_ms;
  std::string example;
};

Result<std::shared_ptr<const Grammar>> Inspect(const Options& o, Facts* facts) {
  Result<const GrammarFormDesc*> form = o.form.empty() ? FormOfFile(o.file) : FindGrammarForm(o.form);
  if (!form.ok()) return form.error();
  TERN_TRY(const std::string source, ReadFile(o.file, Grammar::kMostSource));
  const auto begin = std::chrono::steady_clock::now();
  auto compiled = Grammar::Compile(*form.value(), source);
  if (!compiled.ok()) return Error{compiled.error().code, o.file + ": " + compiled.error().what};
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  const grammar::Automaton& a = compiled.value()->automaton();
  constexpr size_t kMostExample = 200;
  *facts = {form.value(),   source.size(), a.state_count(), a.edges.size(),
            a.calls.size(), a.bytes(),     took.count(),    grammar::ShortestText(a, kMostExample)};
  return std::move(compiled).value();
}

void PrintFacts(const Facts& f) {
  fmt::print("accepts   {}\n", f.form->summary);
  fmt::print("shortest  {}\n", Printable(f.example));
  fmt::print("automaton {} states, {} edges, {} calls, {}\n", f.states, f.edges, f.calls,
             HumanBytes(f.bytes));
  fmt::print("compiled  in {:.1f} ms from {}\n", f.compile_ms, HumanBytes(f.source_bytes));
}

Status Check(const Options& o) {
  Facts facts;
  TERN_TRY(const auto compiled, Inspect(o, &facts));
  std::optional<GrammarMatch> match;
  if (!o.match.empty()) {
    TERN_TRY(std::string text, ReadFile(o.match, kMostTextBytes));
    if (text.ends_with('\n')) text.pop_back();  // the file's, not the text's
    TERN_TRY(match, MatchText(*compiled, text));
  }
  if (o.json) {
    boost::json::object all{{"form", facts.form->name}, {"states", facts.states},
                            {"edges", facts.edges},     {"calls", facts.calls},
                            {"bytes", facts.bytes},     {"compile_ms", facts.compile_ms}};
    if (IsUtf8(facts.example)) all["shortest"] = facts.example;
    if (match) all["match"] = {{"matches", match->matches}, {"accepted_bytes", match->accepted}};
    fmt::print("{}\n", boost::json::serialize(all));
  } else if (!match) {
    PrintFacts(facts);
  } else if (match->matches) {
    fmt::print("{}: matches\n", Printable(o.match));
  }
  if (!match || match->matches) return {};
  return BadInput(
      fmt::format("{}: does not match: {}", o.match,
                  fmt::format("the first {} bytes may begin a text, what follows may not", match->accepted)));
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  args.Option("ACTION", &o->action,
              "check: compile a grammar, and say what it is or what of it is not supported")
      .Required()
      .Choices({"check"});
  args.Option("FILE", &o->file,
              "a JSON schema (.json), a GBNF grammar (.gbnf) or a regular expression (.regex)")
      .Required();
  args.Option("--form", &o->form, "what FILE is; empty: told by its name")
      .ValueName("FORM")
      .Choices(NamesOf(AllGrammarForms()));
  args.Option("--match", &o->match, "say whether this file's text is one that the grammar describes")
      .ValueName("FILE");
  args.Flag("--json", &o->json, "print JSON");
  args.Run([o] { return Check(*o); });
}

}  // namespace

extern const CommandDesc k_command_grammar;
const CommandDesc k_command_grammar = {
    .name = "grammar",
    .summary = "check a JSON schema or another grammar for answers",
    .example = "tern grammar check schema.json --match answer.json",
    .setup = Setup,
};

}  // namespace tern
