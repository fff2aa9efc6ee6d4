#pragma once
// What an answer must be, as flags: --json-schema, --json, --regex, --choice, --grammar.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/arguments.h"
#include "text/grammar/grammar.h"

namespace tern {

struct GrammarFlags {
  std::optional<std::string> json_schema, regex, grammar;
  std::vector<std::string> choices;
  bool json = false;
};
// At most one of them may be given.
void AddGrammarFlags(Arguments& args, GrammarFlags* flags);
// Null: none was given.
Result<std::shared_ptr<const Grammar>> ToGrammar(const GrammarFlags& flags);

// The form of a grammar file by the end of its name: "json_schema" for .json, "gbnf" for .gbnf, ...
Result<const GrammarFormDesc*> FormOfFile(const std::string& path);

}  // namespace tern
