#include "sched/scheduler.h"

#include <algorithm>
#include <string>
#include <utility>

namespace tern {
namespace {

constexpr int kLeastChunk = 16;
constexpr double kNewAnswerWeight = 1.0 / 16;

}  // namespace

struct Scheduler::Active {
  RequestId id = 0;
  int64_t rank = 0;
  PolicyRequest policy;
  Submission submission;  // its tokens grow with the answer
  int prompt_tokens = 0;
  int computed = 0;  // tokens with KV
  int finite = 0;    // of those, in front of logits that were finite
  int cached = 0, preemptions = 0;
  bool started = false, source_read = false, paused = false;
  uint64_t seen_inserts = 0;                 // of the prefix tree, when it was last asked
  std::unique_ptr<BlockTable> table;         // while it runs
  std::unique_ptr<BlockTable> window_table;  // of layers with a window, if they have their own

  std::span<const int32_t> tokens() const { return submission.tokens; }
  int size() const { return static_cast<int>(submission.tokens.size()); }
  int missing() const { return size() - computed; }
  bool scores() const { return submission.scores_tokens && computed < prompt_tokens; }
  bool reads_source() const { return submission.source_tokens > 0 && !source_read; }
  int held() const { return std::max(size(), submission.source_tokens); }  // positions with KV in any layer
  // All but the last token may come from others: its logits are wanted.
  std::span<const int32_t> shareable() const { return tokens().first(tokens().size() - 1); }
};

Scheduler::Scheduler(const SchedulerOptions& options)
    : options_(options),
      context_(static_cast<int>(
          std::min<int64_t>(options.context, int64_t{options.kv_blocks} * options.block_tokens))),
      pool_(options.kv_blocks),
      window_pool_(options.window_blocks),
      window_(options.window_tokens > 0 ? WindowKv{&window_pool_, options.window_tokens} : WindowKv{}),
      prefixes_(&pool_, options.block_tokens, window_) {
  TERN_CHECK(window_.pool == nullptr ||
             options.window_blocks >=
                 std::min(options.kv_blocks,
                          WindowBlocks(options.window_tokens, options.step_tokens, options.block_tokens)));
  const auto running = static_cast<size_t>(options_.running);
  running_.reserve(running + 1);
  planned_.reserve(running);
  plan_.pieces.reserve(running);
  matched_.blocks.reserve(static_cast<size_t>(options_.kv_blocks));
  matched_.window_blocks.reserve(static_cast<size_t>(options_.window_blocks));
}

Scheduler::~Scheduler() = default;

Result<RequestId> Scheduler::Submit(Submission submission, int64_t now_ns) {
  const auto size = static_cast<int64_t>(submission.tokens.size());
  TERN_CHECK(size > 0 && (scores_tokens() || !submission.scores_tokens));
  if (size >= context_ || submission.source_tokens > context_) {
    ++counts_.refused;
    return BadInput("prompt: " + std::to_string(std::max<int64_t>(size, submission.source_tokens)) +
                    " tokens, the context and its KV blocks leave room for " + std::to_string(context_ - 1));
  }
  const QueueLoad load{static_cast<int>(waiting_.size()), counts_.waiting_tokens, rate_.seconds_per_request(),
                       rate_.seconds_per_token()};
  if (const Status room = CheckRoom(options_.queue, load, size); !room.ok()) {
    ++counts_.refused;
    return room.error();
  }
  auto request = std::make_unique<Active>();
  request->id = next_request_++;
  request->policy = {now_ns, submission.priority};
  request->rank = options_.policy->rank(request->policy, options_.ageing_ns);
  request->prompt_tokens = static_cast<int>(size);
  request->submission = std::move(submission);
  request->submission.shares_prefix &= options_.prefix_cache && !request->submission.scores_tokens;
  Enqueue(request.get());
  ++counts_.submitted;
  const RequestId id = request->id;
  requests_.emplace(id, std::move(request));
  return id;
}

namespace {

template <class Active>
auto RankPlace(std::vector<Active*>& list, const Active* request) {
  return std::ranges::upper_bound(list, std::pair(request->rank, request->id), {},
                                  [](const Active* r) { return std::pair(r->rank, r->id); });
}

}  // namespace

void Scheduler::Enqueue(Active* request) {
  waiting_.insert(RankPlace(waiting_, request), request);
  counts_.waiting_tokens += request->prompt_tokens;
}

void Scheduler::Expire(int64_t now_ns) {
  for (const auto* list : {&waiting_, &running_}) {
    for (const Active* request : *list) {
      if (request->submission.deadline_ns <= now_ns) plan_.expired.push_back(request->id);
    }
  }
  counts_.expired += plan_.expired.size();
  for (const RequestId id : plan_.expired) End(id);
}

// What its answer will likely still take, and a block at least.
int Scheduler::GrowthBlocks(const Active& r) const {
  const int answered = r.size() - r.prompt_tokens;
  const int left = r.submission.max_tokens < 0
                       ? context_ - r.size()
                       : std::min(context_ - r.size(), r.submission.max_tokens - answered);
  const int likely = std::max(static_cast<int>(usual_answer_tokens_) - answered, options_.block_tokens);
  return BlocksFor(std::max(r.size() + std::min(likely, left), r.held())) - BlocksFor(r.held());
}

int Scheduler::MissingBlocks(const Active& r) const {
  return BlocksFor(r.held()) - static_cast<int>(r.table->ids().size());
}

// Up to where it has, or is about to get, blocks of layers with a window: for its next rows.
int Scheduler::WindowEnd(const Active& r) const {
  return std::min(r.size(), r.computed + options_.step_tokens);
}

// For what it does not share, beside what those that run will still take.
bool Scheduler::HasRoom(const Active& next) {
  const int own = BlocksFor(next.held()) - static_cast<int>(matched_.blocks.size());
  int growth = 0;
  if (!running_.empty()) growth = GrowthBlocks(next);
  for (const Active* request : running_) growth += GrowthBlocks(*request);
  if (pool_.free_blocks() + prefixes_.evictable_blocks() < own + growth) return false;
  if (window_.pool == nullptr) return true;
  const auto shared = static_cast<int>(matched_.blocks.size());
  const int window_own =
      BlocksFor(std::min(next.size(), shared * options_.block_tokens + options_.step_tokens)) - shared;
  const auto lacking = [&] {
    return window_pool_.free_blocks() + prefixes_.evictable_window_blocks() < window_own;
  };
  for (auto request = running_.begin(); request != running_.end() && lacking(); ++request)
    DropUnseen(**request);
  return !lacking();
}

void Scheduler::ReleaseMatched() {
  for (auto block = matched_.blocks.rbegin(); block != matched_.blocks.rend(); ++block) pool_.Release(*block);
  for (const BlockRef block : matched_.window_blocks) window_pool_.Release(block);
}

// What was matched becomes the beginning of a request that has computed less.
void Scheduler::TakeMatched(Active& r) {
  for (size_t i = 0; i < matched_.blocks.size(); ++i) r.table->Put(i, matched_.blocks[i]);
  r.computed = r.finite = static_cast<int>(matched_.blocks.size()) * options_.block_tokens;
  if (r.window_table == nullptr) return;
  if (matched_.blocks.size() > r.window_table->ids().size()) {
    r.window_table->Truncate(0);
    r.window_table->Skip(matched_.first_window);
  }
  DropUnseen(r);
  for (size_t i = 0; i < matched_.window_blocks.size(); ++i) {
    r.window_table->Put(matched_.first_window + i, matched_.window_blocks[i]);
  }
}

// With what others computed, and blocks of its own for the rest of its tokens.
bool Scheduler::TryStart(Active& next) {
  if (running_.size() >= static_cast<size_t>(options_.running)) return false;
  matched_.Clear();
  if (next.submission.shares_prefix) prefixes_.Match(next.submission.scope, next.shareable(), &matched_);
  if (!HasRoom(next)) {
    ReleaseMatched();
    return false;
  }
  next.table = std::make_unique<BlockTable>(&pool_, options_.block_tokens,
                                            std::max(context_, next.submission.source_tokens));
  if (window_.pool != nullptr) {
    next.window_table = std::make_unique<BlockTable>(&window_pool_, options_.block_tokens, context_);
  }
  TakeMatched(next);
  const int answer = next.submission.max_tokens < 0 ? context_ : next.submission.max_tokens;
  next.submission.tokens.reserve(static_cast<size_t>(
      std::max<int64_t>(next.size(), std::min<int64_t>(context_, int64_t{next.prompt_tokens} + answer)) + 1));
  next.seen_inserts = prefixes_.counts().inserted_blocks;
  TERN_CHECK(EnsureBlocks(next));
  running_.insert(RankPlace(running_, &next), &next);
  return true;
}

// The worst of those that are paused, then of those that the policy would have give way to it.
Scheduler::Active* Scheduler::Displaced(const Active& next) const {
  const auto paused = std::ranges::find_if(running_.rbegin(), running_.rend(), &Active::paused);
  if (paused != running_.rend()) return *paused;
  if (options_.policy->displaces == nullptr) return nullptr;
  for (auto worst = running_.rbegin(); worst != running_.rend() && (*worst)->rank > next.rank; ++worst) {
    if (options_.policy->displaces(next.policy, (*worst)->policy)) return *worst;
  }
  return nullptr;
}

// Whether it would not even fit if all those gave way: then none should.
bool Scheduler::IsHopeless(const Active& next) const {
  int blocks = pool_.free_blocks() + prefixes_.evictable_blocks();
  for (const Active* request : running_) {
    if (request->paused || (options_.policy->displaces != nullptr && request->rank > next.rank &&
                            options_.policy->displaces(next.policy, request->policy))) {
      blocks += static_cast<int>(request->table->ids().size());
    }
  }
  return blocks < BlocksFor(next.held()) + GrowthBlocks(next);
}

bool Scheduler::StartNext() {
  const auto first = std::ranges::find(waiting_, false, &Active::paused);
  if (first == waiting_.end()) return false;
  Active& next = **first;
  bool fits = TryStart(next);
  for (Active* displaced = fits ? nullptr : Displaced(next); displaced != nullptr && !IsHopeless(next);) {
    Preempt(*displaced);
    fits = TryStart(next);
    displaced = fits ? nullptr : Displaced(next);
  }
  if (!fits) return false;
  waiting_.erase(std::ranges::find(waiting_, &next));
  counts_.waiting_tokens -= next.prompt_tokens;
  if (next.started) return true;
  next.started = true;
  next.cached = next.computed;
  counts_.prefix_queried_tokens += static_cast<uint64_t>(next.prompt_tokens);
  counts_.prefix_hit_tokens += static_cast<uint64_t>(next.cached);
  prefixes_.CountHit(matched_.blocks, planned_ns_);
  plan_.started.push_back(next.id);
  return true;
}

// What its next row does not see in layers with a window.
void Scheduler::DropUnseen(Active& r) {
  if (r.window_table != nullptr) r.window_table->DropBefore(window_.First(r.computed));
}

bool Scheduler::MakeWindowRoom(int blocks) {
  if (prefixes_.MakeWindowRoom(blocks)) return true;
  for (Active* request : running_) DropUnseen(*request);
  return prefixes_.MakeWindowRoom(blocks);
}

bool Scheduler::MakeRoom(const Active& r) {
  if (!prefixes_.MakeRoom(MissingBlocks(r))) return false;
  if (r.window_table == nullptr) return true;
  return MakeWindowRoom(BlocksFor(WindowEnd(r)) - static_cast<int>(r.window_table->ids().size()));
}

// Takes what it lacks, at the cost of prefixes, then of whoever ranks last. False: that was itself.
bool Scheduler::EnsureBlocks(Active& request) {
  while (!MakeRoom(request)) {
    TERN_CHECK(!running_.empty());
    Active& last = *running_.back();
    // One alone fits: that was seen to at submission.
    TERN_CHECK(running_.size() > 1 || &last != &request);
    Preempt(last);
    if (&last == &request) return false;
  }
  if (request.window_table != nullptr && !request.window_table->Grow(WindowEnd(request)).ok()) return false;
  return request.table->Grow(request.held()).ok();
}

void Scheduler::Preempt(Active& request) {
  KeepPrefix(request);
  request.table.reset();
  request.window_table.reset();
  request.computed = request.finite = 0;
  request.source_read = false;
  ++request.preemptions;
  ++counts_.preemptions;
  running_.erase(std::ranges::find(running_, &request));
  Enqueue(&request);
}

void Scheduler::KeepPrefix(Active& r) {
  if (!r.submission.shares_prefix || r.table == nullptr) return;
  prefixes_.Insert(r.submission.scope, r.tokens().first(static_cast<size_t>(r.finite)), r.table.get(),
                   r.window_table.get());
}

// Others may have computed more of its prompt since.
void Scheduler::TakeCached(Active& r) {
  const uint64_t inserts = prefixes_.counts().inserted_blocks;
  if (!r.submission.shares_prefix || r.seen_inserts == inserts) return;
  r.seen_inserts = inserts;
  prefixes_.Match(r.submission.scope, r.shareable(), &matched_);
  const int found = static_cast<int>(matched_.blocks.size()) * options_.block_tokens;
  if (found <= r.computed) return ReleaseMatched();
  if (r.size() == r.prompt_tokens) {
    r.cached += found - r.computed;
    counts_.prefix_hit_tokens += static_cast<uint64_t>(found - r.computed);
    const auto known = static_cast<size_t>(r.computed / options_.block_tokens);
    prefixes_.CountHit(std::span(matched_.blocks).subspan(known), planned_ns_);
  }
  TakeMatched(r);
}

// Whether another computes in this step, for the next ones to share, much of what it would compute itself.
bool Scheduler::HadBetterWait(const Active& r, int count) const {
  if (!r.submission.shares_prefix) return false;
  for (size_t i = 0; i < planned_.size(); ++i) {
    const Active& other = *planned_[i];
    const StepPiece& piece = plan_.pieces[i];
    if (piece.tokens.size() <= 1 || !piece.wants_logits || other.submission.scope != r.submission.scope) {
      continue;
    }
    const auto mine = r.shareable();
    const auto same = std::ranges::mismatch(mine, other.tokens()).in1 - mine.begin();
    const int found = static_cast<int>(same) / options_.block_tokens * options_.block_tokens;
    if (2 * (found - r.computed) >= count) return true;
  }
  return false;
}

void Scheduler::Place(Active& r, int count) {
  const auto first = static_cast<size_t>(r.computed), n = static_cast<size_t>(count);
  plan_.pieces.push_back(
      {.request = r.id,
       .first = r.computed,
       .tokens = r.tokens().subspan(first, n),
       .blocks = r.table->ids(),
       .window_blocks = r.window_table == nullptr ? std::span<const BlockId>() : r.window_table->ids(),
       .wants_logits = count == r.missing(),
       .wants_all_logits = r.scores()});
  planned_.push_back(&r);
  plan_rows_ += count;
}

// In order of rank: whoever gives way ranks behind, and so has no place in the step yet.
void Scheduler::PlanDecodes() {
  for (size_t i = 0; i < running_.size(); ++i) {
    Active& r = *running_[i];
    if (!r.reads_source() && r.missing() > 1) TakeCached(r);
    // As soon as the prompt is kept; until then as long as nobody needs them.
    if (r.finite >= r.prompt_tokens || !r.submission.shares_prefix) DropUnseen(r);
    if (r.paused || !EnsureBlocks(r) || r.reads_source()) continue;
    if (r.missing() == 1 && plan_rows_ < options_.step_tokens) Place(r, 1);
  }
}

void Scheduler::PlanPrefills() {
  int rows = options_.step_tokens - plan_rows_, scored = ScoredRows();
  if (plan_rows_ > 0) rows = std::min(rows, std::max(options_.mixed_step_tokens - plan_rows_, kLeastChunk));
  for (Active* r : running_) {
    if (r->paused) continue;
    if (r->reads_source()) {
      if (plan_.source >= 0) continue;
      plan_.source = r->id;
      plan_.source_blocks = r->table->ids();
      continue;
    }
    const int most = r->scores() ? std::min(rows, scored) : rows;
    if (most <= 0 || r->missing() == 1) continue;
    const int count = std::min(r->missing(), most);
    if (HadBetterWait(*r, count)) continue;
    if (r->scores()) scored -= count;
    Place(*r, count);
    rows -= count;
  }
}

const StepPlan& Scheduler::Plan(int64_t now_ns) {
  plan_.expired.clear();
  plan_.started.clear();
  plan_.pieces.clear();
  plan_.source = -1;
  planned_.clear();
  plan_rows_ = 0;
  planned_ns_ = now_ns;
  Expire(now_ns);
  while (StartNext()) {
  }
  PlanDecodes();
  PlanPrefills();
  return plan_;
}

void Scheduler::Commit(int64_t now_ns) {
  counts_.step_tokens = 0;
  for (size_t i = 0; i < planned_.size(); ++i) {
    if (planned_[i] == nullptr) continue;
    const auto rows = plan_.pieces[i].tokens.size();
    planned_[i]->computed += static_cast<int>(rows);
    counts_.step_tokens += static_cast<int>(rows);
    (rows == 1 ? counts_.decode_tokens : counts_.prefill_tokens) += rows;
  }
  if (const auto reader = requests_.find(plan_.source); reader != requests_.end()) {
    reader->second->source_read = true;
  }
  ++counts_.steps;
  rate_.AddBusy(1e-9 * static_cast<double>(now_ns - planned_ns_), static_cast<size_t>(counts_.step_tokens));
  planned_.clear();
  plan_.source = -1;
}

void Scheduler::Append(RequestId request, int32_t token) {
  Active& r = at(request);
  TERN_CHECK(r.table != nullptr && r.missing() == 0);
  const bool first = r.finite < r.prompt_tokens;
  r.finite = r.computed;
  if (first) KeepPrefix(r);
  r.submission.tokens.push_back(token);
}

// A block that is kept in part is computed again: others may hold it.
void Scheduler::Shift(RequestId request, int keep, int drop) {
  Active& r = at(request);
  std::vector<int32_t>& tokens = r.submission.tokens;
  TERN_CHECK(keep >= 0 && drop >= 0 && keep + drop <= r.size());
  KeepPrefix(r);
  tokens.erase(tokens.begin() + keep, tokens.begin() + keep + drop);
  r.prompt_tokens = std::max(std::min(r.prompt_tokens, keep), r.prompt_tokens - drop);
  r.computed = r.finite = std::min(r.computed, keep) / options_.block_tokens * options_.block_tokens;
  if (r.window_table != nullptr) {
    const auto first = static_cast<size_t>(window_.First(r.computed) / options_.block_tokens);
    if (first < r.window_table->missing()) {
      r.computed = r.finite = 0;
      r.seen_inserts = 0;  // the tree may have them
    }
    r.window_table->Truncate(r.computed);
  }
  if (r.table != nullptr) r.table->Truncate(std::max(r.computed, r.submission.source_tokens));
}

void Scheduler::SetPaused(RequestId request, bool paused) {
  const auto found = requests_.find(request);
  if (found != requests_.end()) found->second->paused = paused;
}

void Scheduler::End(RequestId request) {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return;
  Active& r = *found->second;
  if (r.table != nullptr) {
    KeepPrefix(r);
    running_.erase(std::ranges::find(running_, &r));
    std::ranges::replace(planned_, &r, nullptr);
  } else {
    waiting_.erase(std::ranges::find(waiting_, &r));
    counts_.waiting_tokens -= r.prompt_tokens;
  }
  if (r.started) {
    rate_.AddEnded();
    usual_answer_tokens_ += kNewAnswerWeight * (r.size() - r.prompt_tokens - usual_answer_tokens_);
  }
  ++counts_.ended;
  requests_.erase(found);
}

std::span<const int32_t> Scheduler::tokens(RequestId request) const { return at(request).tokens(); }
int Scheduler::cached_tokens(RequestId request) const { return at(request).cached; }
int Scheduler::preemptions(RequestId request) const { return at(request).preemptions; }

SchedulerCounts Scheduler::counts() const {
  SchedulerCounts counts = counts_;
  counts.waiting = static_cast<int>(waiting_.size());
  counts.running = static_cast<int>(running_.size());
  for (const auto* list : {&waiting_, &running_}) {
    counts.paused += static_cast<int>(std::ranges::count(*list, true, &Active::paused));
  }
  counts.prefilling = static_cast<int>(std::ranges::count_if(
      running_, [](const Active* request) { return request->computed < request->prompt_tokens; }));
  counts.kv_blocks = pool_.blocks();
  counts.kv_free = pool_.free_blocks();
  counts.kv_cached = prefixes_.evictable_blocks();
  counts.window_blocks = window_pool_.blocks();
  counts.window_free = window_pool_.free_blocks();
  counts.window_cached = prefixes_.evictable_window_blocks();
  counts.evicted_blocks = prefixes_.counts().evicted_blocks;
  counts.seconds_per_request = rate_.seconds_per_request();
  counts.seconds_per_token = rate_.seconds_per_token();
  return counts;
}

}  // namespace tern
