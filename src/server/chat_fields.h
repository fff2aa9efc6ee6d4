#pragma once
// Messages and tools as OpenAI's chat protocol has them.

#include "server/chat_request.h"
#include "server/schema.h"

namespace tern {

inline constexpr std::string_view kFunctionType[] = {"function"};
inline constexpr FieldDesc kCalledFields[] = {
    {.name = "name", .kinds = kString, .max_bytes = 256, .required = true},
    {.name = "arguments", .kinds = kString | kObject, .help = "JSON"},
};
inline constexpr SchemaDesc kCalled{"CalledFunction", kCalledFields, true};
inline constexpr FieldDesc kCallFields[] = {
    {.name = "id", .kinds = kString, .max_bytes = 256},
    {.name = "type", .kinds = kString, .choices = kFunctionType},
    {.name = "function", .kinds = kObject, .object = &kCalled, .required = true},
};
inline constexpr SchemaDesc kCall{"ToolCall", kCallFields, true};

inline constexpr FieldDesc kMessageFields[] = {
    {.name = "role",
     .kinds = kString,
     .help = "system, developer, user, assistant, tool",
     .max_bytes = 64,
     .required = true},
    {.name = "content", .kinds = kString | kObjects, .help = "a text, or parts of type text"},
    {.name = "name", .kinds = kString, .max_bytes = 256},
    {.name = "tool_call_id", .kinds = kString, .max_bytes = 256},
    {.name = "tool_calls", .kinds = kObjects, .max_items = 256, .object = &kCall},
    {.name = "reasoning_content", .kinds = kString},
};
inline constexpr SchemaDesc kMessage{"ChatMessage", kMessageFields, true};

inline constexpr FieldDesc kFunctionFields[] = {
    {.name = "name", .kinds = kString, .max_bytes = 128, .is_name = true, .required = true},
    {.name = "description", .kinds = kString},
    {.name = "parameters", .kinds = kObject, .help = "JSON schema of an object"},
    {.name = "strict", .kinds = kBool, .help = "refuse parameters that a forced call could not be held to"},
};
inline constexpr SchemaDesc kFunction{"Function", kFunctionFields, true};
inline constexpr FieldDesc kToolFields[] = {
    {.name = "type", .kinds = kString, .choices = kFunctionType, .required = true},
    {.name = "function", .kinds = kObject, .object = &kFunction, .required = true},
};
inline constexpr SchemaDesc kTool{"Tool", kToolFields, true};

// A conversation and what its answer may do, for requests that hold one.
inline constexpr FieldDesc kChatFields[] = {
    {.name = "messages", .kinds = kObjects, .max_items = 65536, .object = &kMessage, .required = true},
    {.name = "tools",
     .kinds = kObjects,
     .help = "functions the model may call",
     .max_items = 256,
     .object = &kTool},
    {.name = "tool_choice",
     .kinds = kString | kObject,
     .help = "auto, none, required, or {\"type\": \"function\", \"function\": {\"name\": ...}}"},
    {.name = "parallel_tool_calls", .kinds = kBool, .help = "false: one call at most"},
    {.name = "chat_template_kwargs", .kinds = kObject, .help = "more variables of the chat template"},
    {.name = "reasoning_effort",
     .kinds = kString,
     .help = "a variable of the chat template",
     .choices = kEfforts},
    {.name = "add_generation_prompt", .kinds = kBool, .help = "begin the answer's turn", .fallback = "true"},
    {.name = "continue_final_message", .kinds = kBool, .help = "go on with the last message"},
};

}  // namespace tern
