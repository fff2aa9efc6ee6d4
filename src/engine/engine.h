#pragma once
// Engine: requests in, text out. Each step batches the next token of every running request with chunks of
// waiting prompts, decodes first, so that a long prompt delays nobody by more than one step.
//
// A session is a sequence that outlives its requests: a chat's next prompt repeats the conversation so far,
// and only what is new is computed. Not thread-safe: one thread owns an engine; callbacks run on it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/answer_grammar.h"
#include "engine/runner.h"
#include "engine/sampler.h"
#include "engine/stop_matcher.h"
#include "engine/token_logprobs.h"

namespace tern {

// What happens when a prompt, or prompt and answer, outgrow the context.
enum class OnOverflow : uint8_t {
  kError,           // a prompt that does not fit is refused with the numbers; an answer ends with kLength
  kTruncateMiddle,  // a prompt loses its middle; an answer ends with kLength
  kShift,  // the older half after the first eighth is dropped, as often as it takes, of a prompt as of
           // an answer; what is behind is computed again
};
Result<OnOverflow> ParseOnOverflow(std::string_view name);  // "error", "truncate-middle", "shift"

enum class FinishReason : uint8_t { kStop, kLength, kCancelled, kFailed };
std::string_view FinishReasonName(FinishReason reason);

using SessionId = int32_t;
using RequestId = int32_t;

struct Outcome {
  FinishReason reason = FinishReason::kStop;
  Error error{};  // kFailed only
  int prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  double first_token_s = 0;  // from submission to the first token
  double decode_s = 0;       // from the first token to the last
  uint64_t seed = 0;
  std::string stop{};  // the stop string that ended it, if one did
};

struct Request {
  SessionId session = -1;       // -1: a sequence of its own, gone with the request
  std::vector<int32_t> prompt;  // of an encoder-decoder: the source
  SamplingOptions sampling;
  int max_tokens = -1;  // -1: until the context is full
  std::vector<std::string> stop;
  std::vector<int32_t> stop_tokens{};  // end the answer, as the model's own end tokens do
  OnOverflow on_overflow = OnOverflow::kError;
  std::shared_ptr<const Grammar> grammar;  // what the answer must be; null: anything
  bool ignore_end = false;                 // go on after an end-of-generation token (benchmarks)
  std::function<void(std::string_view text)> on_text;
  std::function<void(int32_t token)> on_token;
  // Of each token, in front of its on_token; where it is set, with so many of the likeliest.
  std::function<void(TokenLogprobs logprobs)> on_logprobs;
  size_t top_logprobs = 0;
  std::function<void(const Outcome&)> on_finish;  // exactly once
};

class Engine {
 public:
  explicit Engine(std::unique_ptr<Runner> runner);
  ~Engine();

  Result<SessionId> OpenSession();
  void CloseSession(SessionId session);  // cancels its request; unknown ids are ignored
  // Takes a request, or says why not: a model without logits, an empty prompt, one that cannot fit or has ids
  // outside the vocabulary, a bad option, no free sequence, a session that is busy or not open.
  Result<RequestId> Submit(Request request);
  // Ends the request with kCancelled before the next step. Unknown ids are ignored. This and the others may
  // be called from callbacks.
  void Cancel(RequestId request);
  // One step of all requests. False: nothing to do.
  bool Step();
  bool idle() const;

  Runner& runner() { return *runner_; }
  const Tokenizer& tokenizer() const { return *runner_->model().tokenizer; }

 private:
  struct Session;
  struct Active;
  using Clock = std::chrono::steady_clock;

  bool IsOpen(SessionId session) const;
  Status Check(const Request& request) const;
  Status FitPrompt(Request& request) const;
  std::shared_ptr<const DryBreakers> BreakersOf(const SamplingOptions& sampling);
  size_t Begin(Session& session, std::span<const int32_t> tokens);
  void ReadOneSource();
  void PlanStep();
  WantedLogits LogitsFor(Active& active);
  void Deliver(Active& active, std::span<const float> logits);
  void EmitToken(Active& active, int32_t token);
  size_t ShiftHead() const;
  size_t ShiftDrop() const;
  bool MakeRoom(Active& active);
  void Finish(Active& active, FinishReason reason, std::optional<Error> error = std::nullopt);
  void Sweep();
  Session& session(SessionId id) { return *sessions_[static_cast<size_t>(id)]; }

  std::unique_ptr<Runner> runner_;
  AnswerGrammars grammars_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<std::unique_ptr<Active>> active_;  // in order of submission
  std::vector<StepWork> work_;
  std::vector<Active*> working_;  // of each piece of work
  RequestId next_request_ = 0;
  // Of the last request that had any: most ask for the same.
  std::vector<std::string> breaker_texts_;
  std::shared_ptr<const DryBreakers> breakers_;
  bool calling_back_ = false;  // requests and sessions stay where they are
};

}  // namespace tern
