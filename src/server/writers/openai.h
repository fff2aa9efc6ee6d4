#pragma once
// What OpenAI's protocols have in common in their answers.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string_view>

#include "server/answer_writer.h"

namespace tern {

// "stop", "length", "tool_calls".
std::string_view FinishReasonOf(AnswerEnd end);
boost::json::object UsageJson(const AnswerState& state);

// A text as UTF-8, whatever bytes a token has.
std::string TokenText(const Tokenizer& tokenizer, int32_t token);
// The shortest digits that are this float: a double of its own would have many more.
double ShortNumber(float x);
// A log probability as JSON can say it: never infinite.
double LogprobNumber(float logprob);
// {"token", "logprob", "bytes", "top_logprobs"} of tokens from `begin` on.
boost::json::array LogprobsJson(const AnswerState& state, size_t choice, size_t begin);

struct StreamOptions {
  bool include_usage = false;     // one more chunk, with the usage
  bool continuous_usage = false;  // in every chunk
};
StreamOptions ReadStreamOptions(const boost::json::object& body);
// The error of options for a stream that is not asked for.
Problem CheckStreamOptions(const boost::json::object& body);

inline constexpr FieldDesc kStreamFields[] = {
    {.name = "include_usage", .kinds = kBool, .help = "one more chunk, with the usage"},
    {.name = "continuous_usage_stats", .kinds = kBool, .help = "the usage so far in every chunk"},
    {.name = "include_obfuscation", .kinds = kBool, .help = "there is none"},
};
inline constexpr SchemaDesc kStreamOptions{"StreamOptions", kStreamFields};

inline constexpr std::string_view kServiceTiers[] = {"auto", "default", "flex", "scale", "priority"};
inline constexpr std::string_view kVerbosities[] = {"low", "medium", "high"};
inline constexpr std::string_view kReasoningFormats[] = {"auto", "deepseek"};  // what is done anyhow
// What is accepted for the sake of clients, and has no effect.
inline constexpr FieldDesc kIgnoredFields[] = {
    {.name = "user", .kinds = kString, .help = "has no effect"},
    {.name = "metadata", .kinds = kTexts, .help = "has no effect", .max_bytes = 512, .max_items = 16},
    {.name = "store", .kinds = kBool, .help = "has no effect: nothing is stored"},
    {.name = "service_tier", .kinds = kString, .help = "has no effect", .choices = kServiceTiers},
    {.name = "safety_identifier", .kinds = kString, .help = "has no effect"},
    {.name = "prompt_cache_key", .kinds = kString, .help = "has no effect: prefixes are found by themselves"},
    {.name = "verbosity", .kinds = kString, .help = "has no effect", .choices = kVerbosities},
    {.name = "reasoning_format",
     .kinds = kString,
     .help = "has no effect: reasoning is reasoning_content",
     .choices = kReasoningFormats},
    {.name = "cache_prompt", .kinds = kBool, .help = "has no effect: an answer is the same bits either way"},
    {.name = "dynatemp_exponent", .kinds = kNumber, .help = "has no effect: there is no dynatemp_range"},
    {.name = "guided_decoding_backend", .kinds = kString, .help = "has no effect: there is one"},
    {.name = "id_slot", .kinds = kInteger, .help = "has no effect: prefixes are found by themselves"},
    {.name = "request_id", .kinds = kString, .help = "has no effect: the header X-Request-Id"},
    {.name = "return_progress", .kinds = kBool, .help = "has no effect"},
    {.name = "return_tokens", .kinds = kBool, .help = "has no effect"},
    {.name = "rid", .kinds = kString | kStrings, .help = "has no effect: the header X-Request-Id"},
    {.name = "timings_per_token", .kinds = kBool, .help = "has no effect: usage and /metrics have figures"},
};

}  // namespace tern
