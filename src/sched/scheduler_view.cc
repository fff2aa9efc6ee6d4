// What a scheduler tells of itself.

#include <algorithm>
#include <limits>

#include "sched/active.h"
#include "sched/scheduler.h"

namespace tern {
namespace {

// Nine in ten come no later than so many times what was expected, found a small step at a time.
constexpr double kLatenessStep = 0.03, kLatenessQuantile = 0.9, kLeastLateness = 0.7, kMostLateness = 4;
constexpr double kToldApartS = 0.02;  // expectations below are met, or nobody cares

}  // namespace

// How much later first tokens come than was expected.
void Scheduler::LearnLateness(Active& r) {
  const double expected = std::exchange(r.expected_first_s, 0);
  if (expected < kToldApartS) return;
  const double took = 1e-9 * static_cast<double>(committed_ns_ - r.policy.arrival_ns);
  lateness_ += kLatenessStep * (took / expected > lateness_ ? kLatenessQuantile : kLatenessQuantile - 1);
  lateness_ = std::clamp(lateness_, kLeastLateness, kMostLateness);
}

// How many may run at once, by what is promised to those that are there.
int Scheduler::Places() const {
  double itl_s = std::numeric_limits<double>::infinity();
  int64_t depth = 0, requests = 0;
  for (const auto* list : {&running_, &waiting_}) {
    for (const Active* r : *list) {
      itl_s = std::min(itl_s, options_.slo.itl(r->policy.priority));
      depth += r->size();
      ++requests;
    }
  }
  if (requests == 0) return places_;
  return budget_.Requests(itl_s, static_cast<int>(depth / requests), places_);
}

// Tokens of prompts per second, beside the answers that are under way.
double Scheduler::PromptRate() const {
  StepShape shape;
  double itl_s = std::numeric_limits<double>::infinity();
  for (const Active* r : running_) {
    if (r->paused || r->size() == r->prompt_tokens) continue;
    shape.Add(r->size(), 1, 1);
    itl_s = std::min(itl_s, options_.slo.itl(r->policy.priority));
  }
  const int most = shape.rows > 0 ? options_.step_tokens - shape.rows : prompt_chunk_;
  int rows = most;
  if (itl_s < std::numeric_limits<double>::infinity()) {
    rows = std::max(budget_.PromptRows(shape, itl_s, most), StepBudget::kLeastChunk);
  } else if (shape.rows > 0) {
    rows = std::clamp(options_.mixed_step_tokens - shape.rows, StepBudget::kLeastChunk, std::max(most, 1));
  }
  shape.Add(0, rows, 1);
  const double seconds = cost_.Predict(shape);
  return seconds > 0 ? rows / seconds : 0;
}

void Scheduler::LookAtSchedule(int64_t now_ns, ScheduleView* view) const {
  const auto list = [this](const std::vector<Active*>& requests, std::vector<ScheduledRequest>* seen) {
    seen->clear();
    for (const Active* r : requests) {
      const int answered = r->size() - r->prompt_tokens;
      const int most = r->submission.max_tokens < 0 ? context_ : r->submission.max_tokens;
      const int usual = std::max(static_cast<int>(usual_answer_tokens_), answered + 1);
      seen->push_back({.id = r->id,
                       .policy = Seen(*r),
                       .rank = r->rank,
                       .prompt_tokens = r->prompt_tokens,
                       .computed = r->computed,
                       .tokens = r->size(),
                       .left = std::max(std::min(most, usual) - answered, 0),
                       .paused = r->paused});
    }
  };
  view->now_ns = now_ns;
  view->policy = options_.policy;
  view->ageing_ns = options_.ageing_ns;
  view->slo = options_.slo;
  list(running_, &view->running);
  list(waiting_, &view->waiting);
  view->accounts.clear();
  for (const auto& [id, account] : accounts_.all()) view->accounts.push_back(account);
  view->next = next_in_line_ == nullptr ? -1 : next_in_line_->id;
  view->blocked = blocked_;
  view->most_running = options_.running;
  view->places = Places();
  view->step = taken_;
  view->decodes = decodes_;
  view->held_back = held_back_;
  view->limit_s = limit_s_;
  view->first_turn = FirstTurn();
  view->planned = budget_.planned();
  view->predicted_s = expected_s_;
  view->cost = cost_.coefficients();
  view->cost_is_known = cost_.is_known();
  view->prompt_tokens_per_s = cost_.is_known() ? PromptRate() : 0;
  view->uncached_share = uncached_share_;
  view->step_s = usual_step_s_;
  view->usual_answer_tokens = usual_answer_tokens_;
  view->lateness = lateness_;
}

SchedulerCounts Scheduler::counts() const {
  SchedulerCounts counts = counts_;
  counts.waiting = static_cast<int>(waiting_.size());
  counts.running = static_cast<int>(running_.size());
  for (const auto* list : {&waiting_, &running_}) {
    counts.paused += static_cast<int>(std::ranges::count(*list, true, &Active::paused));
  }
  counts.fetching = static_cast<int>(std::ranges::count(waiting_, Fetch::kFetches, &Active::fetch));
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
