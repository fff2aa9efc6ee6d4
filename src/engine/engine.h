#pragma once
// Engine: requests in, text out. What each step computes is the scheduler's choice: the next token of every
// running request with chunks of waiting prompts, decodes first, so that a long prompt delays nobody by more
// than one step. A prompt that begins as an earlier one did starts behind what was computed for that.
//
// Not thread-safe: one thread owns an engine; callbacks run on it.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/adaptation/adaptation.h"
#include "engine/answer_grammar.h"
#include "engine/disk_prefixes.h"
#include "engine/prefix_link.h"
#include "engine/runner.h"
#include "engine/sampler.h"
#include "engine/speculation/speculation.h"
#include "engine/speculation/wanted_rows.h"
#include "engine/stop_matcher.h"
#include "engine/token_logprobs.h"
#include "sched/scheduler.h"

namespace tern {

class DraftModel;
class Speculator;

// What happens when a prompt, or prompt and answer, outgrow the context.
enum class OnOverflow : uint8_t {
  kError,           // a prompt that does not fit is refused with the numbers; an answer ends with kLength
  kTruncateMiddle,  // a prompt loses its middle; an answer ends with kLength
  kShift,  // the older half after the first eighth is dropped, as often as it takes, of a prompt as of
           // an answer; what is behind is computed again
};
Result<OnOverflow> ParseOnOverflow(std::string_view name);  // "error", "truncate-middle", "shift"

enum class FinishReason : uint8_t { kStop, kLength, kCancelled, kFailed };

struct Outcome {
  FinishReason reason = FinishReason::kStop;
  Error error{};  // kFailed only; kDeadline: it took too long
  int prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  int preemptions = 0;                        // how often it had to give its KV back
  int draft_tokens = 0, accepted_tokens = 0;  // computed ahead, and of those, that it said
  double queue_s = 0;                         // from submission until it ran
  double first_token_s = 0;                   // from submission to the first token
  double decode_s = 0;                        // from the first token to the last
  double longest_gap_s = 0;                   // between two tokens
  double total_s = 0;                         // from submission to its end
  uint64_t seed = 0;
  std::string stop{};  // the stop string that ended it, if one did
};

struct Request {
  std::vector<int32_t> prompt;  // of an encoder-decoder: the source
  SamplingOptions sampling;
  int max_tokens = -1;  // -1: until the context is full; 0: only with on_prompt_logprobs
  std::vector<std::string> stop;
  std::vector<int32_t> stop_tokens{};  // end the answer, as the model's own end tokens do
  OnOverflow on_overflow = OnOverflow::kError;
  std::shared_ptr<const Grammar> grammar;  // what the answer must be; null: anything
  bool ignore_end = false;                 // go on after an end-of-generation token (benchmarks)
  Priority priority = Priority::kMid;
  std::string tenant;              // shares computed prompts with its like alone
  int account = 0;                 // who asks, for fairness: an API key
  double weight = 1;               // its share, beside others'
  bool is_promised = false;        // Submission's
  double deadline_s = 0;           // from submission: then it ends, done or not; 0: never
  std::function<void()> on_start;  // it runs; at most once, before what follows
  std::function<void(std::string_view text)> on_text;
  std::function<void(int32_t token)> on_token;
  // Of each token, in front of its on_token; where it is set, with so many of the likeliest.
  std::function<void(TokenLogprobs logprobs)> on_logprobs;
  size_t top_logprobs = 0;
  // Of each token of the prompt but the first, in order, before anything of the answer; with as many.
  std::function<void(TokenLogprobs logprobs)> on_prompt_logprobs;
  std::function<void(const Outcome&)> on_finish;  // exactly once
};

struct StepSample {
  double seconds = 0;
  int rows = 0, requests = 0;
};

// For metrics; each may be null. They must not call the engine.
struct EngineEvents {
  std::function<void(const StepSample&)> on_step;
  std::function<void(double seconds)> on_first_token;  // from submission
  std::function<void(double seconds)> on_next_token;   // from the one before
  std::function<void(const Outcome&)> on_finish;
};

struct EngineOptions {
  const PolicyDesc* policy = AllPolicies().front();
  int64_t ageing_ns = SchedulerOptions().ageing_ns;
  int running = 0;  // most at once; 0: as many as the runner has sequences
  int mixed_step_tokens = SchedulerOptions().mixed_step_tokens;
  QueueLimits queue = {};
  Slo slo = {};
  double key_stretch = 0;
  int batch = SchedulerOptions().batch;
  int64_t batch_window_ns = SchedulerOptions().batch_window_ns;
  bool prefix_cache = true;
  // Drafts need a runner with more step_outputs than sequences, by as many as a step may have of them.
  Speculation speculation = Speculation::kOff;
  int draft_tokens = 8;        // most of a request in a step
  bool drafts_always = false;  // whatever they cost (tests, measurements)
  std::shared_ptr<DiskTier> disk =
      nullptr;                      // where KV is kept beyond memory; null: nowhere. Others may use it, too
  std::string kv_fingerprint = {};  // KvFingerprint's, with `disk`
  AdaptationOptions adaptation = {};
  MakePrefixLink link = {};  // to another process's engine; null: none
  EngineEvents events = {};
};

class Engine {
 public:
  explicit Engine(std::unique_ptr<Runner> runner, EngineOptions options = {});
  // With Speculation::kDraft.
  Engine(std::unique_ptr<Runner> runner, EngineOptions options, std::unique_ptr<DraftModel> draft_model);
  ~Engine();

  // Takes a request, or says why not: a model without logits, an empty prompt, one that cannot fit or has ids
  // outside the vocabulary, a bad option; kExhausted with a time where too many wait.
  Result<RequestId> Submit(Request request);
  // Ends the request with kCancelled before the next step. Unknown ids are ignored. This and Submit may be
  // called from callbacks.
  void Cancel(RequestId request);
  // Nothing is computed for it, until it goes on or ends. Unknown ids are ignored.
  void SetPaused(RequestId request, bool paused) { scheduler_.SetPaused(request, paused); }
  // One step of all requests. False: nothing to do, as there is none or all are paused. Whatever fails, fails
  // the requests concerned.
  bool Step();
  bool idle() const { return requests_.empty(); }

  Runner& runner() { return *runner_; }
  const Tokenizer& tokenizer() const { return *runner_->model().tokenizer; }
  int context() const { return scheduler_.context(); }  // most tokens of a request
  const QueueLimits& queue_limits() const { return scheduler_.queue_limits(); }
  SchedulerCounts counts() const { return scheduler_.counts(); }
  const DraftModel* draft_model() const;
  std::optional<DiskPrefixCounts> disk_counts() const;
  // Whether a call of Step, though it is idle, would write more of what is kept.
  bool has_to_write() const { return disk_ && disk_->has_to_write(); }
  // Whether a call of Step, though it is idle, would give more of it to another process.
  bool has_to_give() const { return link_ && link_->has_work(); }
  void LookAtCache(CacheView* view) const;
  void LookAtSchedule(ScheduleView* view) const;
  void LookAtAdaptation(AdaptationView* view) const;
  // Whether it decides by that which requests to take.
  bool admits_by_schedule() const { return admits_by_schedule_; }

 private:
  struct Answer;
  struct Active;

  Status Check(const Request& request) const;
  Status FitPrompt(Request& request) const;
  std::shared_ptr<const DryBreakers> BreakersOf(const SamplingOptions& sampling);
  void Start(Active& active);
  Status BeginAnswer(Active& active);
  WantedLogits LogitsFor(Active& active, std::span<const int32_t> tokens);
  std::span<const WantedLogits> LogitsOfDrafts(Active& active, const StepPiece& piece);
  void OpenSpeculator(const EngineOptions& options, std::unique_ptr<DraftModel> draft_model);
  bool TakeStep();
  void EndStep(const StepPlan& plan, const StepSample& sample, int64_t begin_ns, bool reads_source);
  void AddDrafts(const StepPlan& plan);
  void ReadSource(const StepPlan& plan);
  Status Compute(const StepPlan& plan);
  void DeliverAll(const StepPiece& piece, int row);
  int32_t Deliver(Active& active, std::span<const float> logits);
  void DeliverScores(const StepPiece& piece, int row);
  void CountToken(Active& active);
  void EmitToken(Active& active, int32_t token);
  size_t ShiftHead() const;
  size_t ShiftDrop() const;
  bool MakeRoom(Active& active);
  void Finish(Active& active, FinishReason reason, std::optional<Error> error = std::nullopt);
  void FlushText(Active& active);
  void FailAll(const Error& error);
  void Sweep();
  Active& at(RequestId request) { return *requests_.at(request); }

  std::unique_ptr<Runner> runner_;
  const EngineEvents events_;
  const bool admits_by_schedule_;
  Scheduler scheduler_;
  std::optional<DiskPrefixes> disk_;
  std::unique_ptr<PrefixLink> link_;
  AnswerGrammars grammars_;
  std::unique_ptr<Speculator> speculator_;  // null: no drafts; before those that have parts of it
  std::optional<Adaptation> adaptation_;    // nothing: all stays as it is
  int said_ = 0;                            // tokens of answers, in this step
  std::map<RequestId, std::unique_ptr<Active>> requests_;
  std::vector<RequestId> cancelled_, done_;  // since the last sweep
  std::vector<StepRows> rows_;
  WantedRows wanted_;       // of rows with drafts
  bool may_draft_ = false;  // in this step
  // Of the last request that had any: most ask for the same.
  std::vector<std::string> breaker_texts_;
  std::shared_ptr<const DryBreakers> breakers_;
  bool calling_back_ = false;  // requests stay where they are
};

}  // namespace tern
