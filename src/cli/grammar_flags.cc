#include "cli/grammar_flags.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/file.h"

namespace tern {
namespace {

// JSON where it begins like an object, else the name of a file.
Result<std::string> InlineOrFile(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != text.npos && text[begin] == '{') return text;
  return ReadFile(text, Grammar::kMostSource);
}

Result<std::shared_ptr<const Grammar>> CompileForm(std::string_view name, std::string_view source) {
  TERN_TRY(const GrammarFormDesc* form, FindGrammarForm(name));
  return Grammar::Compile(*form, source);
}

}  // namespace

void AddGrammarFlags(Arguments& args, GrammarFlags* flags) {
  args.Section("What the answer must be (at most one of these)");
  args.Option("--json-schema", &flags->json_schema,
              "JSON that satisfies this schema: a file, or the schema itself")
      .ValueName("FILE|JSON");
  args.Flag("--json", &flags->json, "a JSON object");
  args.Option("--regex", &flags->regex, "text that this regular expression matches as a whole")
      .ValueName("REGEX");
  args.Option("--choice", &flags->choices, "one of these texts (repeatable)").ValueName("TEXT").KeepsCommas();
  args.Option("--grammar", &flags->grammar,
              "text of this grammar; its kind is told by the name: .gbnf, .json (a schema)")
      .ValueName("FILE");
  args.Section("");
  args.Check([flags]() -> Status {
    const int given = flags->json_schema.has_value() + flags->json + flags->regex.has_value() +
                      !flags->choices.empty() + flags->grammar.has_value();
    if (given > 1) {
      return BadInput(
          "--json-schema, --json, --regex, --choice, --grammar: more than one kind, expected at most one");
    }
    if (flags->json_schema == "") return BadInput("--json-schema: is empty, expected a schema or its file");
    if (flags->grammar == "") return BadInput("--grammar: is empty, expected a file");
    return {};
  });
}

Result<std::shared_ptr<const Grammar>> ToGrammar(const GrammarFlags& flags) {
  if (flags.json) return CompileForm("json", "");
  if (flags.regex) return CompileForm("regex", *flags.regex);
  if (!flags.choices.empty()) {
    boost::json::array choices;
    for (const std::string& choice : flags.choices) choices.emplace_back(choice);
    return CompileForm("choice", boost::json::serialize(choices));
  }
  if (flags.json_schema) {
    TERN_TRY(const std::string source, InlineOrFile(*flags.json_schema));
    return CompileForm("json_schema", source);
  }
  if (flags.grammar) {
    TERN_TRY(const GrammarFormDesc* form, FormOfFile(*flags.grammar));
    TERN_TRY(const std::string source, ReadFile(*flags.grammar, Grammar::kMostSource));
    return Grammar::Compile(*form, source);
  }
  return std::shared_ptr<const Grammar>();
}

Result<const GrammarFormDesc*> FormOfFile(const std::string& path) {
  constexpr struct {
    std::string_view end, form;
  } kEnds[] = {{".json", "json_schema"}, {".gbnf", "gbnf"}, {".regex", "regex"}};
  for (const auto& each : kEnds) {
    if (path.ends_with(each.end)) return FindGrammarForm(each.form);
  }
  return BadInput(
      fmt::format("{}: what kind of grammar it is does not show, expected a name that ends in .json (a "
                  "schema), .gbnf or .regex",
                  path));
}

}  // namespace tern
