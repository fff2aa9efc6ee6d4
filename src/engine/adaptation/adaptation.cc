#include "engine/adaptation/adaptation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tern {
namespace {

// What trials may cost at the beginning: a few steps, or what nobody notices.
constexpr double kFirstCredit_s = 0.05, kFirstCreditSteps = 8;
constexpr uint64_t kFirstSteps = 24;  // before anything is tried
// Until a value is tried again: what is not better, what is much worse, and what a move left behind. It
// doubles each time.
constexpr double kWait_s = 20, kWaitOfWorse_s = 60, kWaitOfLeft_s = 10, kMostWait_s = 3600;
constexpr int kBackFailures = 3;    // that a move taken back counts as
constexpr int kKeptFailures = 2;    // and a value that was not better in an earlier run
constexpr double kSeenSteps = 3;    // that show that a value is much worse
constexpr double kPatience_s = 10;  // without a step that says something of a trial
constexpr double kFastWeight = 1.0 / 16, kSlowWeight = 1.0 / 512, kMostSurprise = 0.3;
constexpr double kChange = 0.14;  // of a logarithm
constexpr uint64_t kSettledSteps = 64;
constexpr double kChangeMatters_s = 60;  // so long it is the reason of moves

double Waiting(double seconds, int failures) {
  return std::min(kMostWait_s, seconds * std::exp2(std::min(failures, 12)));
}

}  // namespace

Adaptation::Adaptation(std::span<const KnobDesc* const> knobs, const AdaptedParts& parts,
                       AdaptationOptions options)
    : parts_(parts), options_(std::move(options)) {
  for (const KnobDesc* desc : knobs) {
    knobs_.push_back(MakeKnob(*desc));
    Set(knobs_.back(), knobs_.back().current);
  }
  history_.reserve(kHistory);
}

Adaptation::Knob Adaptation::MakeKnob(const KnobDesc& desc) const {
  KnobRange range = desc.range(parts_);
  const auto named = [&desc](const auto& v) { return v.name == desc.name; };
  Knob knob{.desc = &desc};
  const auto fixed = std::ranges::find_if(options_.fixed, named);
  if (fixed != options_.fixed.end()) {
    knob.is_fixed = true;
    range.start = std::clamp(fixed->value, range.values.front(), range.values.back());
    range.values = {range.start};
  }
  const auto start = std::ranges::find_if(options_.start, named);
  const bool is_known = start != options_.start.end() && !knob.is_fixed &&
                        std::ranges::find(range.values, start->value) != range.values.end();
  const int value = is_known ? start->value : range.start;
  for (const int v : range.values) {
    if (v == value) knob.current = knob.values.size();
    if (v == range.start) knob.start = knob.values.size();
    knob.values.push_back({.value = v});
    if (!is_known) continue;
    const auto tried = std::ranges::find(start->values, v, &TriedValue::value);
    if (tried != start->values.end()) knob.values.back() = *tried;
  }
  knob.was_kept = is_known;
  knob.failures.resize(knob.values.size());
  return knob;
}

void Adaptation::EndStep(const StepRecord& step) {
  if (at_s_ == 0) TrustKept(step.at_s);
  at_s_ = step.at_s;
  steps_s_ += step.seconds;
  credit_s_ = std::min(most_credit_s_, credit_s_ + kShare * step.seconds);
  for (size_t i = 0; i < knobs_.size(); ++i) {
    if (!trial_ || i != trial_knob_ || !trial_->others_turn()) Learn(knobs_[i], step);
  }
  if (trial_) {
    Continue(step);
  } else if (!options_.is_static) {
    Begin(step);
  }
  before_ = step;
}

// What an earlier run found out is looked at again, but not at once.
void Adaptation::TrustKept(double at_s) {
  for (Knob& knob : knobs_) {
    for (size_t i = 0; knob.was_kept && i < knob.values.size(); ++i) {
      knob.failures[i] = kKeptFailures;
      knob.values[i].next_s = at_s + Waiting(kWait_s, kKeptFailures);
    }
  }
}

// What its steps cost, and whether that has changed.
void Adaptation::Learn(Knob& knob, const StepRecord& step) {
  const double work = knob.desc->work(step, knob.value());
  if (work < 0 || !(step.seconds > 0)) return;
  ++knob.steps;
  const double row_s = step.seconds / std::max(1, step.shape.rows);
  const double n = static_cast<double>(knob.steps);
  knob.row_s += std::max(kFastWeight, 1 / n) * (row_s - knob.row_s);
  if (!knob.desc->is_even || !(work > 0)) return;
  const double cost = std::log(step.seconds / work);
  const double surprise =
      n == 1 ? cost - knob.fast : std::clamp(cost - knob.fast, -kMostSurprise, kMostSurprise);
  knob.fast += std::max(kFastWeight, 1 / n) * surprise;
  knob.slow += std::max(kSlowWeight, 1 / n) * (knob.fast - knob.slow);
  if (knob.steps > kSettledSteps && std::abs(knob.fast - knob.slow) > kChange) {
    NoteChange(knob, step.at_s);
  }
}

void Adaptation::NoteChange(Knob& knob, double at_s) {
  if (at_s - knob.changed_s > kChangeMatters_s) knob.before_change = knob.slow;
  knob.changed_s = at_s;
  knob.slow = knob.fast;
  knob.steps = 1;  // it settles again
  for (TriedValue& v : knob.values) {
    if (at_s - v.at_s > kWaitOfLeft_s) v.next_s = std::min(v.next_s, at_s);
  }
}

// Of those whose time has come, and that there is credit for, the one that was tried least.
std::optional<size_t> Adaptation::NextToTry(const Knob& knob, const StepRecord& step) const {
  std::optional<size_t> next;
  const auto before = [](const TriedValue& a, const TriedValue& b) {
    return std::pair(a.times, a.next_s) < std::pair(b.times, b.next_s);
  };
  for (size_t i = knob.values.size(); i-- > 0;) {
    const TriedValue& v = knob.values[i];
    if (i == knob.current || v.next_s > step.at_s) continue;
    if (knob.desc->tries != nullptr && !knob.desc->tries(step, before_, knob.value(), v.value)) continue;
    // As long as it takes to see that it still is as much worse; some day it may be tried whatever it was.
    if (std::min(kSeenSteps * (v.ratio - 1) * step.seconds, most_credit_s_ / 2) > credit_s_) continue;
    if (!next || before(v, knob.values[*next])) next = i;
  }
  return next;
}

void Adaptation::Begin(const StepRecord& step) {
  for (size_t i = 0; i < knobs_.size(); ++i) {
    Knob& knob = knobs_[i];
    if (knob.is_fixed || knob.values.size() < 2 || knob.steps < kFirstSteps) continue;
    if (knob.desc->work(step, knob.value()) < 0) continue;
    if (most_credit_s_ == 0) {
      credit_s_ = most_credit_s_ = std::max(kFirstCredit_s, kFirstCreditSteps * step.seconds);
    }
    if (credit_s_ <= 0) return;
    const std::optional<size_t> value = NextToTry(knob, step);
    if (!value) continue;
    trial_.emplace(knob.desc->run_steps, knob.desc->is_even);
    trial_knob_ = i;
    trial_value_ = *value;
    has_switched_ = false;
    last_shown_s_ = step.at_s;
    return;
  }
}

void Adaptation::Continue(const StepRecord& step) {
  const Knob& knob = knobs_[trial_knob_];
  const bool others = trial_->others_turn();
  const int value = others ? knob.values[trial_value_].value : knob.value();
  const double work = knob.desc->work(step, value);
  if (others) tried_s_ += step.seconds;
  const bool first = has_switched_;
  if (work >= 0) has_switched_ = false;
  const bool is_of_it = work > 0 || (work == 0 && !knob.desc->is_even);
  const bool shows = is_of_it && (knob.desc->shows != nullptr ? knob.desc->shows(step, value) : !first);
  if (!shows) {
    if (step.at_s - last_shown_s_ > kPatience_s) GiveUp(step.at_s);
    return;
  }
  last_shown_s_ = step.at_s;
  const double excess = trial_->excess_s();
  trial_->Add(step.seconds, work);
  excess_s_ += trial_->excess_s() - excess;
  credit_s_ -= trial_->excess_s() - excess;
  if (trial_->verdict() != Verdict::kGoesOn) return End(trial_->verdict(), step.at_s);
  if (credit_s_ < 0 && trial_->excess_s() > 0) return End(Verdict::kTooDear, step.at_s);
  if (trial_->others_turn() == others) return;
  Set(knob, others ? knob.current : trial_value_);
  has_switched_ = true;
}

// There are no such steps any more: another time.
void Adaptation::GiveUp(double at_s) {
  Knob& knob = knobs_[trial_knob_];
  if (trial_->others_turn()) Set(knob, knob.current);
  knob.values[trial_value_].next_s = at_s + kWait_s;
  trial_.reset();
}

void Adaptation::End(Verdict verdict, double at_s) {
  Knob& knob = knobs_[trial_knob_];
  TriedValue& tried = knob.values[trial_value_];
  ++tried.times;
  tried.against = knob.value();
  tried.ratio = trial_->ratio();
  tried.verdict = verdict;
  tried.at_s = at_s;
  if (verdict == Verdict::kBetter) {
    Move(knob, trial_value_, at_s);
  } else {
    if (trial_->others_turn()) Set(knob, knob.current);
    const double wait = verdict == Verdict::kNotBetter ? kWait_s : kWaitOfWorse_s;
    tried.next_s = at_s + Waiting(wait, knob.failures[trial_value_]++);
    if (!knob.was_kept) Keep(knob);
  }
  trial_.reset();
}

void Adaptation::Move(Knob& knob, size_t to, double at_s) {
  const bool is_back = knob.left == to;
  AdaptationMove move{.at_s = at_s,
                      .knob = knob.desc->name,
                      .from = knob.value(),
                      .to = knob.values[to].value,
                      .is_back = is_back,
                      .reason = ReasonOf(knob)};
  if (is_back) ++knob.backs;
  TriedValue& was = knob.values[knob.current];
  was = {.value = was.value,
         .times = was.times + 1,
         .against = move.to,
         .ratio = 1 / trial_->ratio(),
         .verdict = Verdict::kNotBetter,
         .at_s = at_s};
  std::ranges::fill(knob.failures, 0);
  for (TriedValue& v : knob.values) v.next_s = at_s + kWait_s;
  // What was taken back once had better not come again soon.
  knob.values[knob.current].next_s = at_s + Waiting(kWaitOfLeft_s, is_back ? kBackFailures * knob.backs : 0);
  knob.left = knob.current;
  knob.current = to;
  knob.steps = 0;
  Set(knob, to);
  Keep(knob);
  ++moves_;
  if (history_.size() == kHistory) history_.erase(history_.begin());
  history_.push_back(move);
  if (options_.on_move) options_.on_move(move);
}

// As soon as each value was tried, and whenever that changes.
void Adaptation::Keep(Knob& knob) {
  const auto is_tried = [&](const TriedValue& v) { return v.times > 0 || v.value == knob.value(); };
  if (!knob.desc->is_kept || (!knob.was_kept && !std::ranges::all_of(knob.values, is_tried))) return;
  knob.was_kept = true;
  if (!options_.on_kept) return;
  std::vector<KeptKnob> kept;
  for (const Knob& k : knobs_) {
    if (k.was_kept) kept.push_back({std::string(k.desc->name), k.value(), k.values});
  }
  options_.on_kept(kept);
}

std::string Adaptation::ReasonOf(const Knob& knob) const {
  std::string reason = fmt::format("{:.1f} % less time per {}, in {} pairs of runs",
                                   100 * (1 - trial_->ratio()), knob.desc->unit, trial_->pairs());
  const double change = std::exp(knob.fast - knob.before_change);
  if (at_s_ - knob.changed_s < kChangeMatters_s) {
    reason += fmt::format(", after steps had begun to take {:.2g} times as long", change);
  }
  return reason;
}

void Adaptation::LookAt(AdaptationView* view) const {
  view->is_on = true;
  view->is_static = options_.is_static;
  view->at_s = at_s_;
  view->steps_s = steps_s_;
  view->tried_s = tried_s_;
  view->excess_s = excess_s_;
  view->trying = trial_ ? knobs_[trial_knob_].desc->name : std::string_view();
  view->trying_value = trial_ ? knobs_[trial_knob_].values[trial_value_].value : 0;
  view->knobs.clear();
  for (const Knob& knob : knobs_) {
    view->knobs.push_back({.desc = knob.desc,
                           .value = knob.value(),
                           .start = knob.values[knob.start].value,
                           .is_fixed = knob.is_fixed,
                           .steps = knob.steps,
                           .row_s = knob.row_s,
                           .values = knob.values});
  }
  view->history = history_;
  view->moves = moves_;
}

}  // namespace tern
