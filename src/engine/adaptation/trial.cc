#include "engine/adaptation/trial.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tern {
namespace {

constexpr int kSeenSteps = 3, kSureCuts = 2;  // steps and runs that show much more
constexpr int kLeastPairs = 4, kManyPairs = 8;
// Standard errors that a difference has to stand out by.
constexpr double kFewPairsSure = 3.5, kManyPairsSure = 2.7;
// Runs never lie closer to each other than this, whatever a few of them say.
constexpr double kLeastDeviation = 0.004;

struct Spread {
  double mean = 0, error = 0;  // standard
};

// Of all but the lowest and the highest where there are enough of them: what somebody else's work does to a
// run or two is no property of the values.
Spread SpreadOf(std::array<double, Trial::kMostPairs> gains, int count) {
  std::sort(gains.begin(), gains.begin() + count);
  const int cut = count / 6;
  const int first = cut, last = count - cut;
  const double n = last - first;
  Spread spread;
  for (int i = first; i < last; ++i) spread.mean += gains[static_cast<size_t>(i)] / n;
  // Those that were cut count as much as the outermost that were not, or the error would come out too small.
  double squares = 0;
  for (int i = 0; i < count; ++i) {
    const double kept = gains[static_cast<size_t>(std::clamp(i, first, last - 1))];
    squares += (kept - spread.mean) * (kept - spread.mean);
  }
  const double deviation = std::max(kLeastDeviation, std::sqrt(squares / (count - 1)) * count / n);
  spread.error = deviation / std::sqrt(static_cast<double>(count));
  return spread;
}

}  // namespace

Trial::Trial(int run_steps, bool is_even)
    : run_steps_(is_even ? std::min(run_steps, kMostEvenSteps) : run_steps), is_even_(is_even) {}

double Trial::CostOf(const Run& run) const {
  if (!is_even_) return run.seconds / run.work;
  std::array<double, kMostEvenSteps> sorted = run.costs;
  std::sort(sorted.begin(), sorted.begin() + run.steps);
  return sorted[static_cast<size_t>(run.steps / 2)];
}

void Trial::Add(double seconds, double work) {
  if (is_even_) run_.costs[static_cast<size_t>(run_.steps)] = seconds / work;
  ++run_.steps;
  run_.seconds += seconds;
  run_.work += work;
  if (others_turn_) {
    excess_s_ += seconds - work * usual_cost_;
    expected_s_ += work * usual_cost_;
    if (pairs_ == 0 && expected_s_ > 0) ratio_ = 1 + excess_s_ / expected_s_;
    if (SeemsMuchWorse()) return CutRun();
  }
  if (run_.steps >= run_steps_ && run_.work > 0) EndRun();
}

bool Trial::SeemsMuchWorse() const {
  if (!is_even_ || run_.steps < kSeenSteps) return false;
  return std::all_of(run_.costs.begin(), run_.costs.begin() + run_.steps,
                     [this](double cost) { return cost > kMuchWorse * usual_cost_; });
}

// It may be that somebody else has just taken the machine: what the current value takes is asked behind it.
void Trial::CutRun() {
  was_cut_ = true;
  has_current_ = false;
  EndRun();
}

void Trial::EndRun() {
  (others_turn_ ? other_cost_ : current_cost_) = CostOf(run_);
  (others_turn_ ? has_other_ : has_current_) = true;
  if (!others_turn_) usual_cost_ = current_cost_;
  run_ = {};
  if (has_current_ && has_other_) {
    gains_[static_cast<size_t>(pairs_++)] = std::log(other_cost_ / current_cost_);
    has_current_ = has_other_ = false;
    const bool is_much_worse = std::exchange(was_cut_, false) && other_cost_ > kMuchWorse * current_cost_;
    cuts_ = is_much_worse ? cuts_ + 1 : 0;
    if (cuts_ == kSureCuts) {
      verdict_ = Verdict::kMuchWorse;
      ratio_ = other_cost_ / current_cost_;
      return;
    }
    other_came_first_ = !other_came_first_;
    others_turn_ = other_came_first_;
    return Judge();
  }
  others_turn_ = !others_turn_;
}

void Trial::Judge() {
  if (pairs_ < kLeastPairs) {
    double sum = 0;
    for (int i = 0; i < pairs_; ++i) sum += gains_[static_cast<size_t>(i)];
    ratio_ = std::exp(sum / pairs_);
    return;
  }
  const Spread spread = SpreadOf(gains_, pairs_);
  ratio_ = std::exp(spread.mean);
  const double sure = spread.error * (pairs_ < kManyPairs ? kFewPairsSure : kManyPairsSure);
  const double worth = std::log(1 - kLeastGain);
  if (spread.mean < worth && spread.mean + sure < 0) {
    if (first_pairs_ > 0) {
      verdict_ = Verdict::kBetter;
    } else {
      first_pairs_ = std::exchange(pairs_, 0);
    }
  } else if (spread.mean - sure > worth || pairs_ == kMostPairs) {
    verdict_ = Verdict::kNotBetter;
  }
}

}  // namespace tern
