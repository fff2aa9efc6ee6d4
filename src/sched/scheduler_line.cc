// Who of those that wait is next, and who of those that run a step is for.

#include <algorithm>
#include <limits>

#include "sched/active.h"
#include "sched/scheduler.h"

namespace tern {

// What its policy is told of it now.
PolicyRequest Scheduler::Seen(const Active& r) const {
  PolicyRequest seen = r.policy;
  const bool runs = r.table != nullptr;
  seen.preemptions = r.preemptions;
  seen.account = r.account->id;
  seen.weight = r.account->weight;
  seen.served = r.account->served;
  seen.level = (r.account->running - (runs ? 1 : 0)) / seen.weight;
  seen.turn = runs ? r.turn : std::max(FirstTurn(), r.account->turn + 1 / seen.weight);
  return seen;
}

double Scheduler::FirstTurn() const { return running_.empty() ? last_turn_ : running_.front()->turn; }

// Of those that wait, the one to start next; null: none may.
Scheduler::Active* Scheduler::FirstInLine() {
  Active* first = nullptr;
  for (Active* request : waiting_) {
    if (!request->may_start()) continue;
    if (first == nullptr) first = request;
    if (options_.policy->before == nullptr) break;
    if (options_.policy->before(Seen(*request), Seen(*first), options_.ageing_ns)) first = request;
  }
  return first == nullptr || !options_.policy->prefers_cached ? first : MostCached(first);
}

int Scheduler::CachedTokens(Active& r) {
  if (!r.submission.shares_prefix) return 0;
  const uint64_t inserts = prefixes_.counts().inserted_blocks;
  if (r.probed_inserts == inserts) return r.probed_tokens;
  r.probed_inserts = inserts;
  prefixes_.Match(r.submission.scope, r.shareable(), &matched_);
  r.probed_tokens = static_cast<int>(matched_.blocks.size()) * options_.block_tokens;
  prefixes_.Release(matched_);
  return r.probed_tokens;
}

// Of its equals that came little later, at most so many of them: so nobody is passed for long.
Scheduler::Active* Scheduler::MostCached(Active* first) {
  constexpr int kMostAsked = 16;
  const int64_t latest_ns = first->policy.arrival_ns + options_.ageing_ns / 4;
  Active* best = first;
  int asked = 0;
  for (Active* request : waiting_) {
    if (request == first || !request->may_start() || request->account != first->account ||
        request->policy.priority != first->policy.priority || request->policy.arrival_ns > latest_ns) {
      continue;
    }
    if (++asked > kMostAsked) break;
    if (CachedTokens(*request) > CachedTokens(*best)) best = request;
  }
  return best;
}

bool Scheduler::Opens() {
  if (options_.policy->opens == nullptr || waiting_.empty()) return true;
  PolicyQueue queue{.waiting = static_cast<int>(waiting_.size()),
                    .running = static_cast<int>(std::ranges::count(running_, false, &Active::paused)),
                    .begun_now = begun_,
                    .batch = std::min(options_.batch, options_.running),
                    .window_ns = options_.batch_window_ns};
  for (const Active* request : waiting_) {
    queue.longest_wait_ns = std::max(queue.longest_wait_ns, planned_ns_ - request->policy.arrival_ns);
  }
  if (options_.policy->opens(queue)) return true;
  blocked_ = Blocked::kBatch;
  next_in_line_ = waiting_.front();
  return false;
}

// Whether steps with it as well still keep what those that run, and it, have been promised. Of a lower class,
// answers are left out of steps where they do not fit beside a higher one's.
bool Scheduler::KeepsPace(const Active& next) const {
  if (running_.empty() || !budget_.is_on()) return true;
  const auto is_lower = [this](const Active& r, const Active& than) {
    return r.policy.priority > than.policy.priority && options_.policy->displaces != nullptr &&
           options_.policy->displaces(Seen(than), Seen(r));
  };
  StepShape shape;
  double itl_s = options_.slo.itl(next.policy.priority);
  shape.Add(next.size(), 1, 1);
  for (const Active* r : running_) {
    if (r->paused || is_lower(*r, next)) continue;
    shape.Add(r->size(), 1, 1);
    if (!is_lower(next, *r)) itl_s = std::min(itl_s, options_.slo.itl(r->policy.priority));
  }
  shape.Add(0, StepBudget::kLeastChunk, 0);
  return itl_s == std::numeric_limits<double>::infinity() || budget_.Keeps(shape, itl_s);
}

// Whether those that the step is for come before it: of a higher class, or of a key that has less.
bool Scheduler::IsLower(const Active& r) const {
  if (top_ == nullptr || options_.policy->displaces == nullptr) return false;
  const bool is_behind = r.rank > top_->rank && r.policy.priority > top_->policy.priority;
  if (!SharesByKey() && !is_behind) return false;
  PolicyRequest seen = Seen(r);
  seen.preemptions = 0;  // that it keeps its place for them is another matter
  return options_.policy->displaces(Seen(*top_), seen);
}

// Whom the step is for, and what those would compute by themselves.
void Scheduler::PlanTop() {
  top_ = nullptr;
  held_back_ = 0;
  const auto running = budget_.is_on() ? std::span(running_) : std::span<Active*>();
  const auto comes_before = [this](const Active& a, const Active& b) {
    return SharesByKey() ? Seen(a).level < Seen(b).level : a.policy.priority < b.policy.priority;
  };
  for (const Active* r : running) {
    if (r->paused || r->reads_source()) continue;
    if (top_ == nullptr || comes_before(*r, *top_)) top_ = r;
  }
  StepShape shape;
  for (const Active* r : running) {
    const int rows = std::min(r->missing(), options_.step_tokens - shape.rows);
    if (r->paused || r->reads_source() || rows <= 0 || IsLower(*r)) continue;
    shape.Add(r->computed, rows, 1);
  }
  budget_.Begin(top_ == nullptr ? Priority::kMid : top_->policy.priority, SharesByKey(), shape);
}

}  // namespace tern
