#pragma once
// Requests of Ollama's protocol: the fields they share, and what becomes of them.

#include <boost/json/object.hpp>

#include "server/answer_format.h"
#include "server/chat_request.h"

namespace tern {

inline constexpr FieldDesc kOllamaOptionFields[] = {
    {.name = "num_predict",
     .kinds = kInteger,
     .help = "longest answer, in tokens; below 0: no limit",
     .min = -2,
     .max = 1 << 30},
    {.name = "temperature", .kinds = kNumber, .min = 0, .max = 100},
    {.name = "top_k", .kinds = kInteger, .min = -1, .max = 1 << 30},
    {.name = "top_p", .kinds = kNumber, .min = 0, .max = 1},
    {.name = "min_p", .kinds = kNumber, .min = 0, .max = 1},
    {.name = "typical_p", .kinds = kNumber, .min = 0, .max = 1},
    {.name = "repeat_penalty", .kinds = kNumber, .min = 0.01, .max = 100},
    {.name = "repeat_last_n", .kinds = kInteger, .min = -1, .max = 1 << 30},
    {.name = "presence_penalty", .kinds = kNumber, .min = -100, .max = 100},
    {.name = "frequency_penalty", .kinds = kNumber, .min = -100, .max = 100},
    {.name = "mirostat", .kinds = kInteger, .min = 0, .max = 2},
    {.name = "mirostat_tau", .kinds = kNumber, .min = 0.01, .max = 100},
    {.name = "mirostat_eta", .kinds = kNumber, .min = 0.0001, .max = 1},
    {.name = "seed", .kinds = kInteger, .min = -0x1p63, .max = 0x1p64},
    {.name = "stop", .kinds = kString | kStrings, .max_bytes = 256, .max_items = 16},
    {.name = "tfs_z", .kinds = kNumber, .only = "1"},
    {.name = "main_gpu", .kinds = kInteger, .help = "has no effect"},
    {.name = "num_batch", .kinds = kInteger, .help = "has no effect"},
    {.name = "num_gpu", .kinds = kInteger, .help = "has no effect"},
    {.name = "num_keep", .kinds = kInteger, .help = "has no effect: an answer ends with the context"},
    {.name = "num_thread", .kinds = kInteger, .help = "has no effect: tern serve --threads"},
    {.name = "use_mmap", .kinds = kBool, .help = "has no effect"},
    {.name = "num_ctx", .kinds = kInteger, .help = "has no effect: tern serve --context", .min = 1},
};
inline constexpr SchemaDesc kOllamaOptions{"OllamaOptions", kOllamaOptionFields};

inline constexpr FieldDesc kOllamaFields[] = {
    {.name = "model", .kinds = kString, .help = "the model's id", .max_bytes = 1024, .required = true},
    {.name = "stream", .kinds = kBool, .help = "a line of JSON per piece", .fallback = "true"},
    {.name = "format",
     .kinds = kString | kObject,
     .help = "what the answer must be: json, or a JSON schema",
     .max_bytes = 64},
    {.name = "options", .kinds = kObject, .object = &kOllamaOptions},
    {.name = "think",
     .kinds = kBool | kString,
     .help = "the template's enable_thinking",
     .choices = kEfforts},
    {.name = "keep_alive",
     .kinds = kString | kNumber,
     .help = "how long the model stays loaded when idle, as 10m or seconds; below 0: for ever; 0: let it go"},
    {.name = "logprobs", .kinds = kBool, .help = "say how likely each token was"},
    {.name = "top_logprobs", .kinds = kInteger, .help = "and so many of the likeliest", .min = 0, .max = 20},
    {.name = "truncate", .kinds = kBool, .help = "has no effect: nothing is cut off a prompt"},
    {.name = "shift", .kinds = kBool, .help = "has no effect: an answer ends with the context"},
};

inline constexpr FieldDesc kOllamaCalledFields[] = {
    {.name = "name", .kinds = kString, .max_bytes = 256, .required = true},
    {.name = "arguments", .kinds = kObject},
};
inline constexpr SchemaDesc kOllamaCalled{"OllamaCalledFunction", kOllamaCalledFields};
inline constexpr FieldDesc kOllamaCallFields[] = {
    {.name = "function", .kinds = kObject, .object = &kOllamaCalled, .required = true},
};
inline constexpr SchemaDesc kOllamaCall{"OllamaToolCall", kOllamaCallFields};
inline constexpr FieldDesc kOllamaMessageFields[] = {
    {.name = "role",
     .kinds = kString,
     .help = "system, user, assistant, tool",
     .max_bytes = 64,
     .required = true},
    {.name = "content", .kinds = kString},
    {.name = "thinking", .kinds = kString},
    {.name = "images", .kinds = kAnything, .only = "[]"},
    {.name = "tool_calls", .kinds = kObjects, .max_items = 256, .object = &kOllamaCall},
    {.name = "tool_name", .kinds = kString, .max_bytes = 256},
    {.name = "tool_call_id", .kinds = kString, .max_bytes = 256},
};
inline constexpr SchemaDesc kOllamaMessage{"OllamaMessage", kOllamaMessageFields};

// Everything but the prompt.
Problem ReadOllama(const ServerContext& context, const boost::json::object& body, Generation* generation,
                   ChatRequest* chat);
// How many seconds the model shall stay when it is idle, where the body says so; below 0: for ever. The error
// where that is no time.
Problem ReadKeepAlive(const boost::json::object& body, std::optional<double>* keep_s);
// Whether the model shall be let go at once.
bool LetsGo(const boost::json::object& body);
// Messages as OpenAI's API has them.
Problem ReadOllamaMessages(const boost::json::array& messages, boost::json::array* made);

}  // namespace tern
