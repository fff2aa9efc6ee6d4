#pragma once
// Scheduler: which requests run, what each step computes for them, and which KV blocks they have. Integers
// only: no tensors, no text, no clock. Time comes with the calls, so that a simulator runs the same code.
//
// A request waits, runs, and ends once. It is let in with KV for its prompt and what its answer will likely
// take, not for the longest answer: when KV runs out, the request that ranks last gives its blocks back and
// waits again; its tokens are kept, and computed anew. As ranks never change while they run, the first always
// gets on; one that would not fit alone is refused at submission.
//
// What is promised (Slo) becomes, by what steps have cost so far, how many run at once, how much of their
// prompts a step takes beside answers, and whether a request is taken at all.
//
// One that is paused, since nobody takes its tokens, is in no step. It keeps its KV and its place until one
// that waits has need of them; then it waits itself, until it goes on.
//
// Whole blocks of what was computed stay behind in a prefix tree, once logits behind them have been finite;
// a prompt that begins like them shares them. Nobody writes a block that is shared.
//
// To the next row of a planned step its owner may add drafts, tokens that may follow: rows and blocks that
// nobody else wants. Of these the request keeps those that are then appended, and no trace of the others.
//
// Layers with a window may have blocks of their own: of these a request holds what its next row sees, and,
// until its prompt can be kept whole, what nobody else needs.
//
// Not thread-safe. Planning a step of requests that run allocates nothing.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "kv/cache_view.h"
#include "kv/prefix_tree.h"
#include "sched/accounts.h"
#include "sched/policy.h"
#include "sched/queue.h"
#include "sched/schedule_view.h"
#include "sched/step_budget.h"
#include "sched/step_cost.h"

namespace tern {

using RequestId = int32_t;

// Whether what a tier below the prefix tree has of a waiting request's tokens is known, or being fetched.
enum class Fetch : uint8_t { kUnsought, kFetches, kDone };

struct SchedulerOptions {
  const PolicyDesc* policy = AllPolicies().front();
  int64_t ageing_ns = 10'000'000'000;
  int block_tokens = 16;
  int kv_blocks = 0;
  int window_tokens = 0;        // that layers with blocks of their own see; 0: there are none
  int window_blocks = 0;        // of these layers; no fewer than kv_blocks or WindowBlocks(...)
  int context = 0;              // most tokens of a request, prompt and answer
  int running = 1;              // most requests at once
  int step_tokens = 512;        // most rows of a step
  int step_outputs = 0;         // of those, most with logits; 0: one per running request
  int mixed_step_tokens = 128;  // of a step that others wait for, for the next token of their answer
  QueueLimits queue = {};
  bool prefix_cache = true;
  Slo slo = {};
  double key_stretch = 0;                // of policy fair: StepBudget's
  int batch = 8;                         // of policy dynamic: so many start together,
  int64_t batch_window_ns = 50'000'000;  // or those that came within this time
};

struct Submission {
  std::vector<int32_t> tokens{};  // what the answer follows
  int max_tokens = -1;            // of the answer; -1: until the context is full
  int source_tokens = 0;          // of an encoder-decoder: read into KV of its own before the tokens
  Priority priority = Priority::kMid;
  int account = 0;                                            // who asks: an API key
  double weight = 1;                                          // its share, beside others'
  int64_t deadline_ns = std::numeric_limits<int64_t>::max();  // it ends then
  PrefixScope scope = {};
  bool shares_prefix = true;  // false: its KV depends on more than its tokens and scope
  // Logits of all rows of the tokens are wanted: none of them comes from others. A step takes few of these.
  bool scores_tokens = false;
  bool is_promised = false;  // it was let in already: what is promised of its first token is not asked again
};

// Rows first .. first + tokens.size() - 1 of a request. Good until the next call that changes the request.
struct StepPiece {
  RequestId request = -1;
  int first = 0;
  std::span<const int32_t> tokens;
  std::span<const BlockId> blocks;         // of all its positions so far
  std::span<const BlockId> window_blocks;  // of those that its rows see; in front of them -1
  bool wants_logits = false;               // of its last row, to append a token
  bool wants_all_logits = false;           // of every row
  int drafts = 0;                          // the last tokens, of which nobody knows whether they follow
};

struct StepPlan {
  std::vector<RequestId> expired;          // their deadline has passed: they are gone
  std::vector<RequestId> started;          // they run for the first time
  RequestId source = -1;                   // whose source this step reads, before its pieces,
  std::span<const BlockId> source_blocks;  // into these
  std::vector<StepPiece> pieces;           // decodes first
};

struct SchedulerCounts {
  int waiting = 0, running = 0;
  int paused = 0;              // of either
  int fetching = 0;            // of those that wait
  int prefilling = 0;          // of those that run: part of their prompt is yet to be computed
  int64_t waiting_tokens = 0;  // of their prompts
  int kv_blocks = 0, kv_free = 0;
  int kv_cached = 0;  // held by the prefix tree alone
  int window_blocks = 0, window_free = 0, window_cached = 0;
  // So far.
  uint64_t submitted = 0, refused = 0, ended = 0, expired = 0, preemptions = 0;
  uint64_t prefix_queried_tokens = 0, prefix_hit_tokens = 0;  // of prompts, when they start
  uint64_t evicted_blocks = 0;
  uint64_t steps = 0, prefill_tokens = 0, decode_tokens = 0;
  uint64_t drafts = 0, draft_tokens = 0, accepted_tokens = 0;  // pieces with drafts, and of their tokens
  int step_tokens = 0;                                         // rows of the last step
  double seconds_per_request = 0, seconds_per_token = 0;       // QueueLoad's
};

class Scheduler {
 public:
  explicit Scheduler(const SchedulerOptions& options);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler();

  // Errors: kBadInput for what cannot fit even alone, with the numbers; kExhausted where the queue is full,
  // with the time after which to ask again.
  Result<RequestId> Submit(Submission submission, int64_t now_ns);
  // From the next plan on, at most as in the options: rows of a step that nobody waits for with the next
  // token of his answer; requests at once, of which none is ended for that.
  void SetPromptChunk(int rows) { prompt_chunk_ = std::clamp(rows, 1, options_.step_tokens); }
  void SetPlaces(int requests) { places_ = std::clamp(requests, 1, options_.running); }
  int most_step_tokens() const { return options_.step_tokens; }
  int most_running() const { return options_.running; }
  // What to compute next; the same memory each time. A step that is not committed has not happened.
  const StepPlan& Plan(int64_t now_ns);
  // To piece `i` of the plan, which computes the one next row of its request, adds rows for tokens that may
  // follow it: as many of them as the answer may still have but for one, as there are rows with logits for,
  // and as find room in blocks that are the request's or nobody's. Returns how many.
  int Draft(size_t i, std::span<const int32_t> tokens);
  void Commit(int64_t now_ns);
  // What came of the committed step has been seen to: so long did it take. Where nobody says so, what steps
  // cost is not learnt, and nothing follows from promises.
  void StepTook(int64_t now_ns, bool tells_cost = true);
  // The logits that the last step computed for it were finite, and this token follows. Where that is its next
  // draft, logits behind it are there, too, and another may be appended; else there are no drafts any more.
  void Append(RequestId request, int32_t token);
  // Of its tokens, those from `keep` to keep + drop - 1 never were; what is behind is computed again.
  void Shift(RequestId request, int keep, int drop);
  // From the next plan on; a deadline holds all the same. Unknown ids are ignored.
  void SetPaused(RequestId request, bool paused);
  // For a tier below the prefix tree. The first of the first `most` that wait in line whose fetch is
  // unsought, since they came or last ran; -1: none. One whose blocks are fetched is passed over until that
  // is done.
  RequestId Unsought(size_t most) const;
  void SetFetch(RequestId request, Fetch fetch);
  int running() const { return static_cast<int>(running_.size()); }
  bool waits(RequestId request) const;  // false: it runs, or has ended
  const PrefixScope& scope(RequestId request) const;
  // What others' blocks may hold of its tokens; empty: it shares none.
  std::span<const int32_t> shareable(RequestId request) const;
  PrefixTree& prefixes() { return prefixes_; }
  // Whether a block that was kept is still as it was then.
  bool IsIntact(const KeptBlock& kept) const {
    return (kept.windowed ? window_pool_ : pool_).IsCurrent(kept.block);
  }
  // Whatever the reason. Unknown ids are ignored.
  void End(RequestId request);

  bool idle() const { return requests_.empty(); }
  std::span<const int32_t> tokens(RequestId request) const;
  std::span<const int32_t> tokens_and_drafts(RequestId request) const;
  int cached_tokens(RequestId request) const;  // of its prompt, when it started
  int preemptions(RequestId request) const;
  int context() const { return context_; }  // most tokens of a request that fit
  bool scores_tokens() const { return ScoredRows() > 0; }
  const QueueLimits& queue_limits() const { return options_.queue; }
  SchedulerCounts counts() const;
  const StepCost& step_cost() const { return cost_; }
  const StepShape& last_step() const { return taken_; }  // that was committed
  void LookAtSchedule(int64_t now_ns, ScheduleView* view) const;
  void LookAtCache(int64_t now_ns, CacheView* view) const { view->Look(pool_, prefixes_, now_ns); }
  // For tests.
  const BlockPool& pool() const { return pool_; }
  const PrefixTree& prefixes() const { return prefixes_; }

 private:
  struct Active;
  Active& at(RequestId request) const { return *requests_.at(request); }
  void Expire(int64_t now_ns);
  void Enqueue(Active* request);
  PolicyRequest Seen(const Active& request) const;
  double FirstTurn() const;
  Active* FirstInLine();
  Active* MostCached(Active* first);
  int CachedTokens(Active& request);
  bool Opens();
  bool KeepsPace(const Active& next) const;
  bool StartNext();
  void Begin(Active& next);
  bool IsHopeless(const Active& next) const;
  Active* Displaced(const Active& next) const;
  bool TryStart(Active& next, int places);
  int GrowthBlocks(const Active& request) const;
  int MissingBlocks(const Active& request) const;
  int WindowEnd(const Active& request) const;
  bool HasRoom(const Active& next);
  void TakeMatched(Active& request);
  bool MakeRoom(const Active& request);
  bool MakeWindowRoom(int blocks);
  void DropUnseen(Active& request);
  bool EnsureBlocks(Active& request);
  void Preempt(Active& request);
  void TakeCached(Active& request);
  bool HadBetterWait(const Active& request, int count) const;
  bool IsLower(const Active& request) const;
  bool SharesByKey() const { return options_.key_stretch > 0 && options_.policy->before != nullptr; }
  void PlanTop();
  void PlanDecodes();
  void PlanPrefills();
  void Place(Active& request, int count);
  void LearnLateness(Active& request);
  int Places() const;
  double PromptRate() const;
  bool HoldDrafts(Active& request);
  void DropDrafts(Active& request);
  int ScoredRows() const { return options_.step_outputs - options_.running; }  // of a step
  void KeepPrefix(Active& request);
  int BlocksFor(int tokens) const { return (tokens + options_.block_tokens - 1) / options_.block_tokens; }

  SchedulerOptions options_;
  int context_;
  int prompt_chunk_, places_;
  BlockPool pool_, window_pool_;
  WindowKv window_;
  PrefixTree prefixes_;
  std::unordered_map<RequestId, std::unique_ptr<Active>> requests_;
  std::vector<Active*> waiting_, running_;  // by rank
  std::vector<Active*> planned_;            // of each piece; null: ended since
  PrefixMatch matched_;                     // reused
  StepPlan plan_;
  int plan_rows_ = 0;
  int64_t planned_ns_ = 0, committed_ns_ = 0;
  int plan_scored_ = 0;  // of these, with logits beside one per request
  RequestId next_request_ = 0;
  RequestRate rate_;
  Accounts accounts_;
  StepCost cost_;
  StepBudget budget_;
  const Active* top_ = nullptr;  // of the highest class in the step
  const Active* next_in_line_ = nullptr;
  Blocked blocked_ = Blocked::kNothing;
  int begun_ = 0, held_back_ = 0, decodes_ = 0;  // in the step
  double last_turn_ = 0;                         // of the request that started last
  StepShape taken_;                              // the last step that was committed
  double expected_s_ = 0, limit_s_ = 0;
  bool times_step_ = false;  // it waits for StepTook
  double lateness_ = 1, uncached_share_ = 1, usual_step_s_ = 0;
  double usual_answer_tokens_ = 128;
  SchedulerCounts counts_;
};

}  // namespace tern
