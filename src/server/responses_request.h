#pragma once
// Requests of OpenAI's Responses protocol: how their items become a ChatRequest.

#include <boost/json/object.hpp>

#include "server/chat_request.h"
#include "server/writers/openai.h"

namespace tern {

inline constexpr std::string_view kItemTypes[] = {"message", "function_call", "function_call_output",
                                                  "reasoning"};
inline constexpr std::string_view kItemRoles[] = {"system", "developer", "user", "assistant"};
inline constexpr std::string_view kPartTypes[] = {"input_text",     "output_text",  "text",
                                                  "reasoning_text", "summary_text", "refusal"};
inline constexpr FieldDesc kPartFields[] = {
    {.name = "type", .kinds = kString, .choices = kPartTypes, .required = true},
    {.name = "text", .kinds = kString, .help = "of all but refusal"},
    {.name = "refusal", .kinds = kString, .help = "of refusal"},
};
inline constexpr SchemaDesc kPart{"ContentPart", kPartFields};
inline constexpr FieldDesc kItemFields[] = {
    {.name = "type", .kinds = kString, .choices = kItemTypes, .fallback = "\"message\""},
    {.name = "role", .kinds = kString, .help = "of message", .choices = kItemRoles},
    {.name = "content", .kinds = kString | kObjects, .help = "of message and reasoning", .object = &kPart},
    {.name = "call_id", .kinds = kString, .help = "of function_call and its output", .max_bytes = 256},
    {.name = "name", .kinds = kString, .help = "of function_call", .max_bytes = 256},
    {.name = "arguments", .kinds = kString, .help = "of function_call: JSON"},
    {.name = "output", .kinds = kString | kObjects, .help = "of function_call_output", .object = &kPart},
    {.name = "summary", .kinds = kObjects, .help = "of reasoning", .object = &kPart},
};
inline constexpr SchemaDesc kItem{"InputItem", kItemFields};

inline constexpr std::string_view kFunctionToolType[] = {"function"};
inline constexpr FieldDesc kFlatToolFields[] = {
    {.name = "type", .kinds = kString, .choices = kFunctionToolType, .required = true},
    {.name = "name", .kinds = kString, .max_bytes = 128, .is_name = true, .required = true},
    {.name = "description", .kinds = kString},
    {.name = "parameters", .kinds = kObject, .help = "JSON schema of an object"},
    {.name = "strict", .kinds = kBool, .help = "refuse parameters that a forced call could not be held to"},
};
inline constexpr SchemaDesc kFlatTool{"FunctionTool", kFlatToolFields};
inline constexpr FieldDesc kTextFormatFields[] = {
    {.name = "type", .kinds = kString, .choices = kResponseFormats, .required = true},
    {.name = "name", .kinds = kString, .help = "of a json_schema", .max_bytes = 64, .is_word = true},
    {.name = "description", .kinds = kString},
    {.name = "schema", .kinds = kObject, .help = "JSON schema"},
    {.name = "strict", .kinds = kBool, .help = "it always is"},
};
inline constexpr SchemaDesc kTextFormat{"TextFormat", kTextFormatFields};
inline constexpr FieldDesc kTextFields[] = {
    {.name = "format", .kinds = kObject, .help = "what the answer must be", .object = &kTextFormat},
    {.name = "verbosity", .kinds = kString, .help = "has no effect", .choices = kVerbosities},
};
inline constexpr SchemaDesc kTextOptions{"TextOptions", kTextFields};
inline constexpr std::string_view kSummaries[] = {"auto", "concise", "detailed"};
inline constexpr FieldDesc kReasoningFields[] = {
    {.name = "effort", .kinds = kString, .help = "a variable of the chat template", .choices = kEfforts},
    {.name = "summary", .kinds = kString, .help = "has no effect", .choices = kSummaries},
    {.name = "generate_summary", .kinds = kString, .help = "has no effect", .choices = kSummaries},
};
inline constexpr SchemaDesc kReasoningOptions{"ReasoningOptions", kReasoningFields};

inline constexpr FieldDesc kResponsesChatFields[] = {
    {.name = "input",
     .kinds = kString | kObjects,
     .help = "a text of the user, or the items of a conversation",
     .max_items = 65536,
     .object = &kItem,
     .required = true},
    {.name = "instructions", .kinds = kString, .help = "a system message in front"},
    {.name = "tools", .kinds = kObjects, .max_items = 256, .object = &kFlatTool},
    {.name = "tool_choice",
     .kinds = kString | kObject,
     .help = "auto, none, required, or {\"type\": \"function\", \"name\": ...}"},
    {.name = "parallel_tool_calls", .kinds = kBool, .help = "false: one call at most", .fallback = "true"},
    {.name = "text", .kinds = kObject, .object = &kTextOptions},
    {.name = "reasoning", .kinds = kObject, .object = &kReasoningOptions},
    {.name = "chat_template_kwargs", .kinds = kObject, .help = "more variables of the chat template"},
};

// Of a checked body.
Problem ReadResponses(const boost::json::object& body, ChatRequest* chat);

}  // namespace tern
