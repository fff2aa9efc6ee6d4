#include "sched/step_budget.h"

#include <algorithm>

namespace tern {
namespace {

// The most of 0 .. most for which `fits`, which holds for none behind one for which it does not.
template <class Fits>
int Most(int most, Fits fits) {
  int least = 0;
  while (least < most) {
    const int middle = least + (most - least + 1) / 2;
    if (fits(middle)) {
      least = middle;
    } else {
      most = middle - 1;
    }
  }
  return least;
}

}  // namespace

void StepBudget::Begin(Priority top_class, bool by_key, const StepShape& top) {
  shape_ = {};
  limit_s_ = lower_limit_s_ = promised_s_ = std::numeric_limits<double>::infinity();
  if (!is_on()) return;
  const double promised = slo_.itl(top_class);
  const bool is_promised = promised < std::numeric_limits<double>::infinity();
  const double stretch = by_key ? key_stretch_ : kLowerShare;
  lower_limit_s_ = is_promised && !by_key ? Planned(promised) : (1 + stretch) * cost_.Predict(top);
}

void StepBudget::Add(Priority priority, int first, int rows, int outputs, bool is_awaited) {
  shape_.Add(first, rows, outputs);
  if (!is_on() || !is_awaited) return;
  promised_s_ = std::min(promised_s_, slo_.itl(priority));
  limit_s_ = std::min(limit_s_, Planned(slo_.itl(priority)));
}

// A quantile, found a small step at a time. Short steps say nothing: they are not what the promise allows.
void StepBudget::StepTook(double seconds) {
  constexpr double kLate = 0.002, kMove = 0.02;
  constexpr double kLeast = 0.5, kMost = 0.95;
  constexpr double kWay = 0.97;  // the rest is for the way to the client
  if (!is_on() || !(promised_s_ < std::numeric_limits<double>::infinity())) return;
  if (cost_.Predict(shape_) < limit_s_ / 2) return;
  planned_ += kMove * (seconds > kWay * promised_s_ ? kLate - 1 : kLate);
  planned_ = std::clamp(planned_, kLeast, kMost);
}

void StepBudget::Lengthen(int first, int rows) {
  shape_.Add(first, rows, rows);
  shape_.kv_read -= first;  // is read already
}

int StepBudget::Fitting(int first, int wanted, bool is_lower) const {
  const double limit = is_lower ? std::min(limit_s_, lower_limit_s_) : limit_s_;
  if (!(limit < std::numeric_limits<double>::infinity())) return wanted;
  return Most(wanted, [&](int rows) {
    StepShape shape = shape_;
    shape.Add(first, rows, rows == wanted);
    return cost_.Predict(shape) <= limit;
  });
}

int StepBudget::PromptRows(const StepShape& shape, double itl_s, int most) const {
  return Most(most, [&](int rows) {
    StepShape more = shape;
    more.Add(0, rows, 0);
    return Keeps(more, itl_s);
  });
}

int StepBudget::Requests(double itl_s, int depth, int most) const {
  if (!is_on() || !(itl_s < std::numeric_limits<double>::infinity())) return most;
  const int fitting = Most(most, [&](int n) {
    StepShape shape;
    for (int i = 0; i < n; ++i) shape.Add(depth, 1, 1);
    shape.Add(0, kLeastChunk, 0);
    return Keeps(shape, itl_s);
  });
  return std::max(1, fitting);
}

}  // namespace tern
