#include "server/writers/completion_writer.h"

#include <cmath>
#include <utility>

namespace tern {
namespace {

namespace json = boost::json;

json::object Head(const AnswerState& state) {
  return {{"id", "cmpl-" + state.id},
          {"object", "text_completion"},
          {"created", state.created},
          {"model", state.model}};
}

}  // namespace

std::string_view CompletionWriter::Echo(size_t choice) const {
  return shape_.echoes.empty() ? std::string_view() : std::string_view(shape_.echoes[choice]);
}

// Of the tokens that are there, behind those that were said. Offsets are those of the text, in bytes.
json::value CompletionWriter::Logprobs(const AnswerState& state, size_t choice) {
  if (!shape_.logprobs) return nullptr;
  json::array tokens, logprobs, tops, offsets;
  if (offsets_.empty()) {
    for (size_t i = 0; i < state.choices.size(); ++i) {
      offsets_.push_back(shape_.scores_prompt ? 0 : Echo(i).size());
    }
  }
  for (const TokenLogprobs& token : state.choices[choice].logprobs) {
    tokens.push_back(json::string(TokenText(*state.tokenizer, token.token)));
    const bool scored = !std::isnan(token.logprob);
    logprobs.push_back(scored ? json::value(LogprobNumber(token.logprob)) : json::value());
    offsets.push_back(offsets_[choice]);
    offsets_[choice] += state.tokenizer->Piece(token.token, false).size();
    json::object top;
    for (const Candidate& c : token.top) top[TokenText(*state.tokenizer, c.id)] = LogprobNumber(c.logit);
    tops.push_back(scored ? json::value(std::move(top)) : json::value());
  }
  return json::object{{"tokens", std::move(tokens)},
                      {"token_logprobs", std::move(logprobs)},
                      {"top_logprobs", std::move(tops)},
                      {"text_offset", std::move(offsets)}};
}

std::string CompletionWriter::Chunk(const AnswerState& state, json::array choices, json::value usage) const {
  json::object chunk = Head(state);
  chunk["choices"] = std::move(choices);
  if (shape_.stream.include_usage || shape_.stream.continuous_usage) chunk["usage"] = std::move(usage);
  return SseData(chunk);
}

std::string CompletionWriter::TextChunk(const AnswerState& state, size_t choice, std::string text,
                                        json::value finish_reason) {
  said_echo_.resize(state.choices.size());
  if (!said_echo_[choice]) text.insert(0, Echo(choice));
  said_echo_[choice] = true;
  json::value logprobs;
  if (!state.choices[choice].logprobs.empty()) logprobs = Logprobs(state, choice);
  const json::value usage = shape_.stream.continuous_usage ? json::value(UsageJson(state)) : json::value();
  return Chunk(state,
               {json::object{{"index", choice},
                             {"text", std::move(text)},
                             {"logprobs", std::move(logprobs)},
                             {"finish_reason", std::move(finish_reason)}}},
               usage);
}

std::string CompletionWriter::Event(const AnswerState& state, size_t choice, const ChatEvent& event) {
  return TextChunk(state, choice, event.text, nullptr);
}

std::string CompletionWriter::EndChoice(const AnswerState& state, size_t choice) {
  return TextChunk(state, choice, "", json::string(FinishReasonOf(state.choices[choice].end)));
}

std::string CompletionWriter::End(const AnswerState& state) {
  const std::string usage = shape_.stream.include_usage ? Chunk(state, {}, UsageJson(state)) : "";
  return usage + "data: [DONE]\n\n";
}

json::object CompletionWriter::Whole(const AnswerState& state) {
  json::object body = Head(state);
  json::array choices;
  for (size_t i = 0; i < state.choices.size(); ++i) {
    choices.push_back(json::object{{"index", i},
                                   {"text", std::string(Echo(i)) + state.choices[i].content},
                                   {"logprobs", Logprobs(state, i)},
                                   {"finish_reason", FinishReasonOf(state.choices[i].end)}});
  }
  body["choices"] = std::move(choices);
  body["usage"] = UsageJson(state);
  return body;
}

}  // namespace tern
