#include "server/writers/openai.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "server/generation.h"
#include "text/utf8.h"

namespace tern {
namespace {

namespace json = boost::json;

json::object TokenJson(const Tokenizer& tokenizer, int32_t token, float logprob) {
  json::array bytes;
  for (const char byte : tokenizer.Piece(token, true)) bytes.push_back(static_cast<unsigned char>(byte));
  return {{"token", TokenText(tokenizer, token)},
          {"logprob", LogprobNumber(logprob)},
          {"bytes", std::move(bytes)}};
}

}  // namespace

std::string_view FinishReasonOf(AnswerEnd end) {
  return end == AnswerEnd::kLength ? "length" : end == AnswerEnd::kCalls ? "tool_calls" : "stop";
}

json::object UsageJson(const AnswerState& state) {
  return {{"prompt_tokens", state.prompt_tokens},
          {"completion_tokens", state.completion_tokens},
          {"total_tokens", state.prompt_tokens + state.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", state.cached_tokens}}},
          {"completion_tokens_details",
           {{"reasoning_tokens", state.reasoning_tokens},
            {"accepted_prediction_tokens", state.accepted_tokens},
            {"rejected_prediction_tokens", state.draft_tokens - state.accepted_tokens}}}};
}

std::string TokenText(const Tokenizer& tokenizer, int32_t token) {
  std::string text;
  AppendValidUtf8(tokenizer.Piece(token, true), &text);
  return text;
}

double ShortNumber(float x) { return std::strtod(fmt::format("{}", x).c_str(), nullptr); }

double LogprobNumber(float logprob) { return std::isfinite(logprob) ? ShortNumber(logprob) : -9999; }

json::array LogprobsJson(const AnswerState& state, size_t choice, size_t begin) {
  json::array list;
  const std::vector<TokenLogprobs>& logprobs = state.choices[choice].logprobs;
  for (size_t i = begin; i < logprobs.size(); ++i) {
    json::object token = TokenJson(*state.tokenizer, logprobs[i].token, logprobs[i].logprob);
    json::array top;
    for (const Candidate& c : logprobs[i].top) top.push_back(TokenJson(*state.tokenizer, c.id, c.logit));
    token["top_logprobs"] = std::move(top);
    list.push_back(std::move(token));
  }
  return list;
}

Problem CheckStreamOptions(const json::object& body) {
  if (!body.contains("stream_options") || IsSet(body, "stream")) return std::nullopt;
  return Wrong("stream_options", "expected stream to be true");
}

StreamOptions ReadStreamOptions(const json::object& body) {
  const json::value* v = body.if_contains("stream_options");
  if (v == nullptr) return {};
  const bool continuous = IsSet(v->get_object(), "continuous_usage_stats");
  return {.include_usage = IsSet(v->get_object(), "include_usage"), .continuous_usage = continuous};
}

}  // namespace tern
