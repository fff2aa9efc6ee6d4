#pragma once
// Requests of Anthropic's protocol: their fields, and how they become a ChatRequest.

#include <boost/json/object.hpp>

#include "server/answer_format.h"
#include "server/chat_request.h"

namespace tern {

inline constexpr std::string_view kBlockTypes[] = {"text",        "document", "tool_use",
                                                   "tool_result", "thinking", "redacted_thinking"};
inline constexpr std::string_view kTextType[] = {"text"};
inline constexpr FieldDesc kTextBlockFields[] = {
    {.name = "type", .kinds = kString, .choices = kTextType, .required = true},
    {.name = "text", .kinds = kString, .required = true},
};
inline constexpr SchemaDesc kTextBlock{"TextBlock", kTextBlockFields};
inline constexpr std::string_view kSourceTypes[] = {"text", "content"};
inline constexpr FieldDesc kSourceFields[] = {
    {.name = "type", .kinds = kString, .choices = kSourceTypes, .required = true},
    {.name = "media_type", .kinds = kString, .only = "\"text/plain\""},
    {.name = "data", .kinds = kString, .help = "of text"},
    {.name = "content", .kinds = kString | kObjects, .help = "of content", .object = &kTextBlock},
};
inline constexpr SchemaDesc kSource{"DocumentSource", kSourceFields};
inline constexpr FieldDesc kCitationsFields[] = {{.name = "enabled", .kinds = kBool, .only = "false"}};
inline constexpr SchemaDesc kCitations{"Citations", kCitationsFields};
inline constexpr FieldDesc kBlockFields[] = {
    {.name = "type", .kinds = kString, .choices = kBlockTypes, .required = true},
    {.name = "text", .kinds = kString, .help = "of text"},
    {.name = "thinking", .kinds = kString, .help = "of thinking"},
    {.name = "id", .kinds = kString, .help = "of tool_use", .max_bytes = 256},
    {.name = "name", .kinds = kString, .help = "of tool_use", .max_bytes = 256},
    {.name = "input", .kinds = kObject, .help = "of tool_use"},
    {.name = "tool_use_id", .kinds = kString, .help = "of tool_result", .max_bytes = 256},
    {.name = "content", .kinds = kString | kObjects, .help = "of tool_result", .object = &kTextBlock},
    {.name = "source", .kinds = kObject, .help = "of document", .object = &kSource},
    {.name = "title", .kinds = kString, .help = "of document"},
    {.name = "context", .kinds = kString, .help = "of document"},
    {.name = "citations", .kinds = kObject, .help = "of document", .object = &kCitations},
    {.name = "is_error", .kinds = kBool, .help = "of tool_result"},
};
inline constexpr SchemaDesc kBlock{"ContentBlock", kBlockFields};
inline constexpr std::string_view kTurnRoles[] = {"user", "assistant"};
inline constexpr FieldDesc kTurnFields[] = {
    {.name = "role", .kinds = kString, .choices = kTurnRoles, .required = true},
    {.name = "content", .kinds = kString | kObjects, .object = &kBlock, .required = true},
};
inline constexpr SchemaDesc kTurn{"Message", kTurnFields};

inline constexpr std::string_view kCustomType[] = {"custom"};
inline constexpr FieldDesc kCustomToolFields[] = {
    {.name = "type", .kinds = kString, .choices = kCustomType},
    {.name = "name", .kinds = kString, .max_bytes = 128, .is_name = true, .required = true},
    {.name = "description", .kinds = kString},
    {.name = "input_schema", .kinds = kObject, .help = "JSON schema of an object", .required = true},
    {.name = "strict", .kinds = kBool, .help = "refuse a schema that a forced call could not be held to"},
};
inline constexpr SchemaDesc kCustomTool{"Tool", kCustomToolFields};
inline constexpr std::string_view kChoiceTypes[] = {"auto", "any", "tool", "none"};
inline constexpr FieldDesc kChoiceFields[] = {
    {.name = "type", .kinds = kString, .choices = kChoiceTypes, .required = true},
    {.name = "name", .kinds = kString, .help = "of tool", .max_bytes = 256},
    {.name = "disable_parallel_tool_use", .kinds = kBool},
};
inline constexpr SchemaDesc kToolChoiceOptions{"ToolChoice", kChoiceFields};
inline constexpr std::string_view kThinkingTypes[] = {"enabled", "disabled", "adaptive"};
inline constexpr FieldDesc kThinkingFields[] = {
    {.name = "type", .kinds = kString, .choices = kThinkingTypes, .required = true},
    {.name = "budget_tokens", .kinds = kInteger, .help = "of enabled; has no effect", .min = 1},
};
inline constexpr SchemaDesc kThinkingOptions{"Thinking", kThinkingFields};
inline constexpr std::string_view kOutputTypes[] = {"json_schema"};
inline constexpr FieldDesc kOutputFormatFields[] = {
    {.name = "type", .kinds = kString, .choices = kOutputTypes, .required = true},
    {.name = "schema", .kinds = kObject, .help = "JSON schema", .required = true},
};
inline constexpr SchemaDesc kOutputFormat{"OutputFormat", kOutputFormatFields};
inline constexpr FieldDesc kOutputConfigFields[] = {
    {.name = "format", .kinds = kObject, .object = &kOutputFormat},
    {.name = "effort", .kinds = kString, .help = "has no effect", .choices = kEfforts},
};
inline constexpr SchemaDesc kOutputConfig{"OutputConfig", kOutputConfigFields};

// What a prompt is made of: all there is to counting its tokens.
inline constexpr FieldDesc kMessagesPromptFields[] = {
    {.name = "messages", .kinds = kObjects, .max_items = 65536, .object = &kTurn, .required = true},
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024, .required = true},
    {.name = "system", .kinds = kString | kObjects, .object = &kTextBlock},
    {.name = "tools", .kinds = kObjects, .max_items = 256, .object = &kCustomTool},
    {.name = "tool_choice", .kinds = kObject, .object = &kToolChoiceOptions},
    {.name = "thinking",
     .kinds = kObject,
     .help = "the template's enable_thinking",
     .object = &kThinkingOptions},
    {.name = "output_config", .kinds = kObject, .help = "what the answer must be", .object = &kOutputConfig},
    {.name = "output_format", .kinds = kObject, .help = "the same", .object = &kOutputFormat},
};

// Of a checked body, whose parts are moved.
Problem ReadMessages(boost::json::object& body, ChatRequest* chat);

}  // namespace tern
