#pragma once
// AnswerWriter: how one protocol says answers. What they are is in AnswerState, which is up to date whenever
// a function is called. One per request, called from the engine's thread.

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/token_logprobs.h"
#include "server/errors.h"
#include "text/chat_format.h"
#include "text/tokenizer.h"

namespace tern {

enum class AnswerEnd : uint8_t { kNone, kStop, kLength, kCalls };

struct AnswerCall {
  std::string id, name, arguments;
};

struct AnswerChoice {
  std::string content, reasoning;  // so far
  std::vector<AnswerCall> calls{};
  // Of its tokens, where they are wanted; of a stream: those not yet said. Those of the prompt, if they are
  // wanted, come before them; that of its first token is not a number.
  std::vector<TokenLogprobs> logprobs{};
  AnswerEnd end = AnswerEnd::kNone;
  std::string stop{};  // the stop string that ended it
};

struct AnswerState {
  std::string id{};  // a word of its own
  int64_t created = 0;
  std::string model{};
  const Tokenizer* tokenizer = nullptr;
  std::vector<AnswerChoice> choices{};
  int prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0, reasoning_tokens = 0;  // so far
  int draft_tokens = 0, accepted_tokens = 0;  // of answers that ended
  double first_token_s = 0, decode_s = 0;     // of the last answer to end
};

class AnswerWriter {
 public:
  explicit AnswerWriter(ErrorShape errors = ErrorShape::kOpenAi) : errors_(errors) {}
  virtual ~AnswerWriter() = default;
  ErrorShape errors() const { return errors_; }
  virtual std::string_view call_prefix() const { return "call_"; }  // of calls' ids
  // Whether log probabilities are wanted again after they were streamed; else they are gone from the state.
  virtual bool keeps_logprobs() const { return false; }

  // Streams: what to send, in the order of calls; "" is nothing. Begin may come from another thread than the
  // others, before them.
  virtual std::string_view stream_type() const { return "text/event-stream"; }
  virtual std::string Begin(const AnswerState&) { return ":\n\n"; }
  virtual std::string Event(const AnswerState& state, size_t choice, const ChatEvent& event) = 0;
  virtual std::string EndChoice(const AnswerState& state, size_t choice) = 0;
  virtual std::string End(const AnswerState& state) = 0;
  // Behind it the connection is cut.
  virtual std::string Error(const AnswerState& state, const ApiError& error);

  // The answers in one piece.
  virtual boost::json::object Whole(const AnswerState& state) = 0;

 private:
  ErrorShape errors_;
};

// Server-sent events.
std::string SseData(const boost::json::value& data);
std::string SseEvent(std::string_view name, const boost::json::value& data);

}  // namespace tern
