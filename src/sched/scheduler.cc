#include "sched/scheduler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sched/active.h"

namespace tern {
namespace {

constexpr double kNewAnswerWeight = 1.0 / 16, kNewStepWeight = 1.0 / 32;

}  // namespace

Scheduler::Scheduler(const SchedulerOptions& options)
    : options_(options),
      context_(static_cast<int>(
          std::min<int64_t>(options.context, int64_t{options.kv_blocks} * options.block_tokens))),
      prompt_chunk_(options.step_tokens),
      places_(options.running),
      pool_(options.kv_blocks),
      window_pool_(options.window_blocks),
      window_(options.window_tokens > 0 ? WindowKv{&window_pool_, options.window_tokens} : WindowKv{}),
      prefixes_(&pool_, options.block_tokens, window_),
      budget_(options.slo, options.policy->before != nullptr ? options.key_stretch : 0, &cost_) {
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
  QueueLoad load{static_cast<int>(waiting_.size()), counts_.waiting_tokens, rate_.seconds_per_request(),
                 rate_.seconds_per_token()};
  if (const auto own = accounts_.all().find(submission.account); own != accounts_.all().end()) {
    load.own_requests = own->second.waiting;
    load.own_tokens = own->second.waiting_tokens;
  }
  load.is_shared = options_.policy->before != nullptr;
  if (const Status room = CheckRoom(options_.queue, load, size); !room.ok()) {
    ++counts_.refused;
    return room.error();
  }
  auto request = std::make_unique<Active>();
  if (options_.slo.any()) {
    ScheduleView view;
    LookAtSchedule(now_ns, &view);
    const Comer comer{submission.priority, submission.account, submission.weight, size};
    const Status promise = submission.is_promised ? Status() : CheckPromise(view, comer);
    if (!promise.ok()) {
      ++counts_.refused;
      return promise.error();
    }
    request->expected_first_s = PredictFirstToken(view, comer).value_or(0) / lateness_;  // by itself
  }
  request->id = next_request_++;
  request->account = &accounts_.Enter(submission.account, submission.weight);
  request->policy = {.arrival_ns = now_ns, .priority = submission.priority};
  request->rank = options_.policy->rank(Seen(*request), options_.ageing_ns);
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
  ++request->account->waiting;
  request->account->waiting_tokens += request->prompt_tokens;
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
bool Scheduler::TryStart(Active& next, int places) {
  blocked_ = Blocked::kPlaces;
  if (running_.size() >= static_cast<size_t>(places)) return false;
  blocked_ = Blocked::kPace;
  if (!KeepsPace(next)) return false;
  blocked_ = Blocked::kKv;
  matched_.Clear();
  if (next.submission.shares_prefix) prefixes_.Match(next.submission.scope, next.shareable(), &matched_);
  if (!HasRoom(next)) {
    prefixes_.Release(matched_);
    return false;
  }
  blocked_ = Blocked::kNothing;
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
  const PolicyRequest waiting = Seen(next);
  for (auto worst = running_.rbegin(); worst != running_.rend() && (*worst)->rank > next.rank; ++worst) {
    if (options_.policy->displaces(waiting, Seen(**worst))) return *worst;
  }
  return nullptr;
}

// Whether it would not even fit if all those gave way: then none should.
bool Scheduler::IsHopeless(const Active& next) const {
  int blocks = pool_.free_blocks() + prefixes_.evictable_blocks();
  const PolicyRequest waiting = Seen(next);
  for (const Active* request : running_) {
    if (request->paused || (options_.policy->displaces != nullptr && request->rank > next.rank &&
                            options_.policy->displaces(waiting, Seen(*request)))) {
      blocks += static_cast<int>(request->table->ids().size());
    }
  }
  return blocks < BlocksFor(next.held()) + GrowthBlocks(next);
}

bool Scheduler::StartNext() {
  Active* const first = FirstInLine();
  next_in_line_ = first;
  if (first == nullptr) return false;
  Active& next = *first;
  const int64_t waiting_rank = next.rank;
  next.turn = Seen(next).turn;
  next.rank = options_.policy->rank(Seen(next), options_.ageing_ns);
  bool fits = TryStart(next, places_);
  for (Active* displaced = fits ? nullptr : Displaced(next); displaced != nullptr && !IsHopeless(next);) {
    Preempt(*displaced);
    fits = TryStart(next, options_.running);  // one for one, also where there are fewer places than run
    displaced = fits ? nullptr : Displaced(next);
  }
  if (!fits) {
    next.rank = waiting_rank;
    return false;
  }
  waiting_.erase(std::ranges::find(waiting_, &next));
  counts_.waiting_tokens -= next.prompt_tokens;
  Begin(next);
  return true;
}

// It runs; its account is charged the first time.
void Scheduler::Begin(Active& next) {
  next_in_line_ = nullptr;
  ++begun_;
  Account& account = *next.account;
  account.turn = last_turn_ = next.turn;
  ++account.running;
  --account.waiting;
  account.waiting_tokens -= next.prompt_tokens;
  if (next.started) return;
  next.started = true;
  next.cached = next.computed;
  accounts_.Charge(account, (next.prompt_tokens - next.cached) * Accounts::kPromptToken);
  uncached_share_ += kNewAnswerWeight * (1 - double(next.cached) / next.prompt_tokens - uncached_share_);
  counts_.prefix_queried_tokens += static_cast<uint64_t>(next.prompt_tokens);
  counts_.prefix_hit_tokens += static_cast<uint64_t>(next.cached);
  prefixes_.CountHit(matched_.blocks, planned_ns_);
  plan_.started.push_back(next.id);
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
  request.fetch = Fetch::kUnsought;
  ++request.preemptions;
  ++counts_.preemptions;
  running_.erase(std::ranges::find(running_, &request));
  --request.account->running;
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
  if (found <= r.computed) return prefixes_.Release(matched_);
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
  const bool ends = count == r.missing();
  plan_.pieces.push_back(
      {.request = r.id,
       .first = r.computed,
       .tokens = r.tokens().subspan(first, n),
       .blocks = r.table->ids(),
       .window_blocks = r.window_table == nullptr ? std::span<const BlockId>() : r.window_table->ids(),
       .wants_logits = ends,
       .wants_all_logits = r.scores()});
  planned_.push_back(&r);
  plan_rows_ += count;
  budget_.Add(r.policy.priority, r.computed, count, r.scores() ? count : ends, r.missing() == 1);
}

// In order of rank: whoever gives way ranks behind, and so has no place in the step yet.
void Scheduler::PlanDecodes() {
  for (size_t i = 0; i < running_.size(); ++i) {
    Active& r = *running_[i];
    if (!r.reads_source() && r.missing() > 1) TakeCached(r);
    // As soon as the prompt is kept; until then as long as nobody needs them.
    if (r.finite >= r.prompt_tokens || !r.submission.shares_prefix) DropUnseen(r);
    if (r.paused || !EnsureBlocks(r) || r.reads_source()) continue;
    if (r.missing() != 1 || plan_rows_ >= options_.step_tokens) continue;
    if (IsLower(r) && budget_.Fitting(r.computed, 1, true) == 0) {
      ++held_back_;
    } else {
      Place(r, 1);
    }
  }
}

void Scheduler::PlanPrefills() {
  int rows = plan_rows_ > 0 ? options_.step_tokens - plan_rows_ : prompt_chunk_;
  int scored = ScoredRows();
  const bool by_promise = budget_.limit_s() < std::numeric_limits<double>::infinity();
  if (plan_rows_ > 0 && !by_promise) {
    rows = std::min(rows, std::max(options_.mixed_step_tokens - plan_rows_, StepBudget::kLeastChunk));
  }
  int least = StepBudget::kLeastChunk;  // of the first in line, whatever was promised to others
  for (Active* r : running_) {
    if (r->paused) continue;
    if (r->reads_source()) {
      if (plan_.source >= 0) continue;
      plan_.source = r->id;
      plan_.source_blocks = r->table->ids();
      continue;
    }
    const int most = std::min(r->missing(), r->scores() ? std::min(rows, scored) : rows);
    if (most <= 0 || r->missing() == 1) continue;
    const int fitting = std::max(budget_.Fitting(r->computed, most, IsLower(*r)), IsLower(*r) ? 0 : least);
    const int count = std::min(most, fitting);
    if (count == 0 || HadBetterWait(*r, count)) continue;
    if (r->scores()) {
      scored -= count;
      plan_scored_ += count;
    }
    Place(*r, count);
    rows -= count;
    least = 0;
  }
}

const StepPlan& Scheduler::Plan(int64_t now_ns) {
  for (Active* request : running_) DropDrafts(*request);
  plan_.expired.clear();
  plan_.started.clear();
  plan_.pieces.clear();
  plan_.source = -1;
  planned_.clear();
  plan_rows_ = plan_scored_ = 0;
  planned_ns_ = now_ns;
  begun_ = 0;
  times_step_ = false;
  Expire(now_ns);
  blocked_ = Blocked::kNothing;
  while (Opens() && StartNext()) {
  }
  PlanTop();
  PlanDecodes();
  PlanPrefills();
  if (plan_.pieces.empty() && held_back_ > 0) {  // for one that could not get on
    top_ = nullptr;
    PlanDecodes();
  }
  return plan_;
}

// Blocks for its drafts, or for as many of them as the last block that it has takes.
bool Scheduler::HoldDrafts(Active& r) {
  const int all = r.size() + r.drafts;
  const bool windowed = r.window_table != nullptr;
  const auto lacks = [&](const BlockTable& table) {
    return BlocksFor(all) - static_cast<int>(table.ids().size());
  };
  if (lacks(*r.table) > pool_.free_blocks()) return false;
  if (windowed && lacks(*r.window_table) > window_pool_.free_blocks()) return false;
  return r.table->Grow(all).ok() && (!windowed || r.window_table->Grow(all).ok());
}

int Scheduler::Draft(size_t i, std::span<const int32_t> tokens) {
  StepPiece& piece = plan_.pieces[i];
  Active& r = *planned_[i];
  TERN_CHECK(piece.tokens.size() == 1 && piece.wants_logits && !piece.wants_all_logits);
  const int answered = r.size() - r.prompt_tokens;
  int count = std::min({static_cast<int>(tokens.size()), context_ - r.size() - 1,
                        options_.step_tokens - plan_rows_, ScoredRows() - plan_scored_});
  if (r.submission.max_tokens >= 0) count = std::min(count, r.submission.max_tokens - answered - 1);
  if (count > 0) count = budget_.Fitting(r.size(), count, IsLower(r));
  if (count <= 0) return 0;
  std::vector<int32_t>& all = r.submission.tokens;
  all.insert(all.end(), tokens.begin(), tokens.begin() + count);
  r.drafts = count;
  if (!HoldDrafts(r)) {
    const int room = BlocksFor(r.size()) * options_.block_tokens - r.size();
    r.drafts = std::min(count, room);
    all.resize(all.size() - static_cast<size_t>(count - r.drafts));
  }
  piece.drafts = r.drafts;
  piece.tokens = std::span<const int32_t>(all).last(static_cast<size_t>(1 + r.drafts));
  piece.blocks = r.table->ids();
  if (r.window_table != nullptr) piece.window_blocks = r.window_table->ids();
  plan_rows_ += r.drafts;
  plan_scored_ += r.drafts;
  budget_.Lengthen(r.size(), r.drafts);
  return r.drafts;
}

void Scheduler::DropDrafts(Active& r) {
  if (r.drafts == 0) return;
  r.submission.tokens.resize(static_cast<size_t>(r.size()));
  r.drafts = 0;
  r.computed = std::min(r.computed, r.size());
  r.table->Truncate(r.held());
  if (r.window_table != nullptr) r.window_table->Truncate(r.held());
}

void Scheduler::Commit(int64_t now_ns) {
  counts_.step_tokens = 0;
  for (size_t i = 0; i < planned_.size(); ++i) {
    if (planned_[i] == nullptr) continue;
    const auto rows = plan_.pieces[i].tokens.size();
    const auto drafts = static_cast<size_t>(plan_.pieces[i].drafts);
    planned_[i]->computed += static_cast<int>(rows);
    counts_.step_tokens += static_cast<int>(rows);
    (rows - drafts == 1 ? counts_.decode_tokens : counts_.prefill_tokens) += rows - drafts;
    counts_.drafts += drafts > 0 ? 1 : 0;
    counts_.draft_tokens += drafts;
  }
  committed_ns_ = now_ns;
  times_step_ = plan_.source < 0;
  decodes_ = static_cast<int>(std::ranges::count_if(
      plan_.pieces, [](const StepPiece& p) { return p.tokens.size() == 1 + static_cast<size_t>(p.drafts); }));
  taken_ = budget_.shape();
  expected_s_ = cost_.Predict(taken_);
  limit_s_ = budget_.limit_s();
  if (const auto reader = requests_.find(plan_.source); reader != requests_.end()) {
    reader->second->source_read = true;
  }
  ++counts_.steps;
  rate_.AddBusy(1e-9 * static_cast<double>(now_ns - planned_ns_), static_cast<size_t>(counts_.step_tokens));
  planned_.clear();
  plan_.source = -1;
}

void Scheduler::StepTook(int64_t now_ns, bool tells_cost) {
  const double seconds = 1e-9 * static_cast<double>(now_ns - planned_ns_);
  if (times_step_ && tells_cost) {
    budget_.StepTook(seconds);
    cost_.Observe(taken_, seconds);
  }
  usual_step_s_ += (usual_step_s_ == 0 ? 1 : kNewStepWeight) * (seconds - usual_step_s_);
  times_step_ = false;
}

void Scheduler::Append(RequestId request, int32_t token) {
  Active& r = at(request);
  TERN_CHECK(r.table != nullptr && r.missing() <= 0);
  const bool first = r.finite < r.prompt_tokens;
  r.finite = r.size();
  if (first) KeepPrefix(r);
  if (r.size() == r.prompt_tokens) LearnLateness(r);
  if (r.drafts > 0 && r.submission.tokens[static_cast<size_t>(r.size())] == token) {
    --r.drafts;
    ++counts_.accepted_tokens;
    ++counts_.decode_tokens;
    accounts_.Charge(*r.account, Accounts::kAnswerToken);
    return;
  }
  DropDrafts(r);
  r.submission.tokens.push_back(token);
  accounts_.Charge(*r.account, Accounts::kAnswerToken);
}

// A block that is kept in part is computed again: others may hold it.
void Scheduler::Shift(RequestId request, int keep, int drop) {
  Active& r = at(request);
  DropDrafts(r);
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

RequestId Scheduler::Unsought(size_t most) const {
  int room = pool_.free_blocks() + prefixes_.evictable_blocks();
  for (const Active* request : waiting_) {
    if (request->paused) continue;
    room -= BlocksFor(request->held());
    if (most-- == 0 || room < 0) break;
    if (request->fetch == Fetch::kUnsought) return request->id;
  }
  return -1;
}

void Scheduler::SetFetch(RequestId request, Fetch fetch) {
  const auto found = requests_.find(request);
  if (found != requests_.end()) found->second->fetch = fetch;
}

bool Scheduler::waits(RequestId request) const {
  const auto found = requests_.find(request);
  return found != requests_.end() && found->second->table == nullptr;
}

const PrefixScope& Scheduler::scope(RequestId request) const { return at(request).submission.scope; }

std::span<const int32_t> Scheduler::shareable(RequestId request) const {
  const Active& r = at(request);
  return r.submission.shares_prefix ? r.shareable() : std::span<const int32_t>();
}

void Scheduler::End(RequestId request) {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return;
  Active& r = *found->second;
  if (r.table != nullptr) {
    KeepPrefix(r);
    running_.erase(std::ranges::find(running_, &r));
    std::ranges::replace(planned_, &r, nullptr);
    --r.account->running;
  } else {
    waiting_.erase(std::ranges::find(waiting_, &r));
    counts_.waiting_tokens -= r.prompt_tokens;
    --r.account->waiting;
    r.account->waiting_tokens -= r.prompt_tokens;
  }
  accounts_.Leave(*r.account);
  if (next_in_line_ == &r) next_in_line_ = nullptr;
  if (top_ == &r) top_ = nullptr;
  if (r.started) {
    rate_.AddEnded();
    usual_answer_tokens_ += kNewAnswerWeight * (r.size() - r.prompt_tokens - usual_answer_tokens_);
  }
  ++counts_.ended;
  requests_.erase(found);
}

std::span<const int32_t> Scheduler::tokens(RequestId request) const { return at(request).tokens(); }
std::span<const int32_t> Scheduler::tokens_and_drafts(RequestId request) const {
  return at(request).submission.tokens;
}
int Scheduler::cached_tokens(RequestId request) const { return at(request).cached; }
int Scheduler::preemptions(RequestId request) const { return at(request).preemptions; }

}  // namespace tern
