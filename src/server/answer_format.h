#pragma once
// What an answer must be, as requests say it: OpenAI's response_format, and what users of vLLM and
// llama-server have in their place. docs/structured-output.md.

#include <boost/json/object.hpp>

#include "server/errors.h"
#include "server/grammar_cache.h"

namespace tern {

inline constexpr std::string_view kResponseFormats[] = {"text", "json_object", "json_schema"};
inline constexpr FieldDesc kJsonSchemaFields[] = {
    {.name = "name", .kinds = kString, .max_bytes = 64, .is_word = true, .required = true},
    {.name = "description", .kinds = kString},
    {.name = "schema", .kinds = kObject, .help = "JSON schema"},
    {.name = "strict", .kinds = kBool, .help = "it always is"},
};
inline constexpr SchemaDesc kJsonSchema{"JsonSchema", kJsonSchemaFields};
inline constexpr FieldDesc kResponseFormatFields[] = {
    {.name = "type", .kinds = kString, .choices = kResponseFormats, .required = true},
    {.name = "json_schema", .kinds = kObject, .object = &kJsonSchema},
    {.name = "schema", .kinds = kObject, .help = "JSON schema, of a json_object"},
};
inline constexpr SchemaDesc kResponseFormat{"ResponseFormat", kResponseFormatFields};

inline constexpr size_t kMostGrammarBytes = size_t{1} << 20;
inline constexpr FieldDesc kStructuredFields[] = {
    {.name = "json", .kinds = kObject | kString, .max_bytes = kMostGrammarBytes},
    {.name = "regex", .kinds = kString, .max_bytes = kMostGrammarBytes},
    {.name = "choice", .kinds = kStrings, .max_bytes = kMostGrammarBytes, .max_items = 65536},
    {.name = "grammar", .kinds = kString, .max_bytes = kMostGrammarBytes},
    {.name = "json_object", .kinds = kBool},
    {.name = "structural_tag", .kinds = kAnything, .only = "null"},
};
inline constexpr SchemaDesc kStructured{"StructuredOutputs", kStructuredFields};

// At most one of these may ask for something.
inline constexpr FieldDesc kAnswerFormatFields[] = {
    {.name = "response_format",
     .kinds = kObject,
     .help = "what the answer must be",
     .object = &kResponseFormat},
    {.name = "guided_json",
     .kinds = kObject | kString,
     .help = "JSON of this schema",
     .max_bytes = kMostGrammarBytes},
    {.name = "guided_regex",
     .kinds = kString,
     .help = "text that this matches as a whole",
     .max_bytes = kMostGrammarBytes},
    {.name = "guided_choice",
     .kinds = kStrings,
     .help = "one of these texts",
     .max_bytes = kMostGrammarBytes,
     .max_items = 65536},
    {.name = "guided_grammar",
     .kinds = kString,
     .help = "text of this grammar, as GBNF",
     .max_bytes = kMostGrammarBytes},
    {.name = "structured_outputs",
     .kinds = kObject,
     .help = "the same in one object",
     .object = &kStructured},
    {.name = "grammar",
     .kinds = kString,
     .help = "text of this grammar, as GBNF",
     .max_bytes = kMostGrammarBytes},
    {.name = "json_schema", .kinds = kObject, .help = "JSON of this schema"},
};

struct AnswerFormat {
  std::string param;  // the field that asks for it; empty: none does, the answer may be anything
  std::string form;   // of AllGrammarForms()
  std::string source;
};

// Of a checked body. The error names the field that asks for a second one.
Problem ReadAnswerFormat(const boost::json::object& body, AnswerFormat* format);
// The error names the field, and what of its grammar is wrong or not supported.
Problem CompileAnswerFormat(GrammarCache& cache, const AnswerFormat& format,
                            std::shared_ptr<const Grammar>* grammar);

}  // namespace tern
