// JSON schema: what is enforced, what is refused, in docs/structured-output.md.

#include "io/json_text.h"
#include "text/grammar/grammar.h"
#include "text/grammar/schema_reader.h"

namespace tern {
namespace {

constexpr size_t kMostJsonDepth = 256;

Result<grammar::RuleId> Read(std::string_view source, grammar::Expressions* x) {
  TERN_TRY(const boost::json::value schema, ParseJson(source, "json schema", kMostJsonDepth));
  return grammar::SchemaReader(schema, x).Read();
}

}  // namespace

extern const GrammarFormDesc k_grammarform_json_schema;
const GrammarFormDesc k_grammarform_json_schema = {
    .name = "json_schema",
    .summary = "JSON that satisfies a JSON schema",
    .read = Read,
};

}  // namespace tern
