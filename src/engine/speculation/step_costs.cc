#include "engine/speculation/step_costs.h"

#include <algorithm>
#include <cmath>

namespace tern {
namespace {

constexpr int kFewSamples = 2;
constexpr uint64_t kLongAgo = 1024;  // steps
constexpr double kLeastWeight = 1.0 / 12, kScaleWeight = 1.0 / 8;
constexpr double kMostSurprise = 0.3;  // of a logarithm: a step that was held up says no more than that

}  // namespace

void StepCosts::Add(int rows, double seconds) {
  if (rows < 1 || rows > kMostRows || !(seconds > 0)) return;
  ++steps_;
  Entry& entry = entries_[static_cast<size_t>(rows)];
  entry.at = steps_;
  if (entry.samples++ == 0) {
    entry.shape = seconds / scale_;
    return;
  }
  const double surprise =
      std::clamp(std::log(seconds / (entry.shape * scale_)), -kMostSurprise, kMostSurprise);
  entry.shape *= std::exp(surprise * std::max(kLeastWeight, 0.5 / entry.samples));
  scale_ *= std::exp(surprise * kScaleWeight);
}

bool StepCosts::IsKnown(int rows) const {
  return at(rows).samples >= kFewSamples && steps_ - at(rows).at < kLongAgo;
}

bool StepCosts::IsBounded(int rows) const {
  for (int r = rows; r <= kMostRows; ++r) {
    if (IsKnown(r)) return true;
  }
  return false;
}

double StepCosts::LeastSeconds(int rows) const {
  while (rows > 1 && !IsKnown(rows)) --rows;
  return Seconds(rows);
}

double StepCosts::Seconds(int rows) const {
  int below = rows, above = rows;
  while (below > 0 && at(below).samples == 0) --below;
  while (above <= kMostRows && at(above).samples == 0) ++above;
  if (below == rows) return at(rows).shape * scale_;
  if (below == 0 && above > kMostRows) return 0;
  if (below == 0) return at(above).shape * scale_ * rows / above;
  if (above > kMostRows) return at(below).shape * scale_ * rows / below;
  const double share = static_cast<double>(rows - below) / (above - below);
  return scale_ * (at(below).shape + share * (at(above).shape - at(below).shape));
}

}  // namespace tern
