#include "server/canary.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>

namespace tern {

Result<Canary> Canary::Make(std::string name, std::vector<CanaryTarget> targets, CanaryLimits limits) {
  if (targets.empty()) return BadInput(name + ": names no model, expected at least one in `to`");
  double sum = 0;
  for (const CanaryTarget& target : targets) {
    if (!(target.percent >= 0)) {
      return BadInput(
          fmt::format("{}: {}: percent {}, expected 0 to 100", name, target.model, target.percent));
    }
    sum += target.percent;
  }
  if (std::abs(sum - 100) > 0.01) {
    return BadInput(fmt::format("{}: percents add up to {}, expected 100", name, sum));
  }
  Canary canary;
  canary.name_ = std::move(name);
  canary.answers_.resize(targets.size());
  canary.lost_.resize(targets.size());
  canary.targets_ = std::move(targets);
  canary.limits_ = limits;
  return canary;
}

size_t Canary::Pick(std::string_view request_id) const {
  const uint64_t hash = XXH3_64bits(request_id.data(), request_id.size());
  const double at = static_cast<double>(hash >> 11) * 0x1p-53 * 100;
  double end = 0;
  for (size_t i = 0; i < targets_.size(); ++i) {
    end += targets_[i].percent;
    if (at < end) return lost_[i].empty() ? i : 0;
  }
  return 0;
}

double Canary::Answers::failed_share() const {
  if (failed.empty()) return 0;
  return static_cast<double>(std::ranges::count(failed, true)) / static_cast<double>(failed.size());
}

double Canary::Answers::p95_s() const {
  if (seconds.empty()) return 0;
  std::vector<float> sorted = seconds;
  const size_t at = (sorted.size() * 95 + 99) / 100 - 1;  // the least that 95 % are not beyond
  std::ranges::nth_element(sorted, sorted.begin() + static_cast<ptrdiff_t>(at));
  return sorted[at];
}

std::string Canary::Judge(size_t target) const {
  const Answers &first = answers_[0], &other = answers_[target];
  if (first.failed.size() < limits_.least || other.failed.size() < limits_.least) return "";
  const double failed = other.failed_share(), usual = first.failed_share();
  if (failed > usual + limits_.error_margin) {
    return fmt::format("{:.1f} % of its last {} answers failed, {:.1f} % of {}'s", 100 * failed,
                       other.failed.size(), 100 * usual, targets_[0].model);
  }
  const double p95 = other.p95_s(), usual_p95 = first.p95_s();
  if (p95 <= usual_p95 * limits_.slower) return "";
  return fmt::format("p95 of its last {} answers is {:.3f} s, {:.3f} s of {}'s", other.seconds.size(), p95,
                     usual_p95, targets_[0].model);
}

std::string Canary::Count(size_t target, bool failed, double seconds) {
  Answers& answers = answers_[target];
  if (answers.failed.size() < kRemembered) {
    answers.failed.push_back(failed);
    answers.seconds.push_back(static_cast<float>(seconds));
  } else {
    answers.failed[answers.count % kRemembered] = failed;
    answers.seconds[answers.count % kRemembered] = static_cast<float>(seconds);
  }
  ++answers.count;
  answers.failures += failed ? 1 : 0;
  if (target == 0 || !lost_[target].empty()) return "";
  lost_[target] = Judge(target);
  return lost_[target];
}

void Canary::Restore() {
  for (Answers& answers : answers_) answers = {};
  for (std::string& lost : lost_) lost.clear();
}

std::vector<Canary::Target> Canary::targets() const {
  std::vector<Target> targets;
  for (size_t i = 0; i < targets_.size(); ++i) {
    const double share = lost_[i].empty() ? targets_[i].percent : 0;
    if (i > 0) targets[0].share += targets_[i].percent - share;
    targets.push_back({.model = targets_[i].model,
                       .percent = targets_[i].percent,
                       .share = share,
                       .lost = lost_[i],
                       .answers = answers_[i].count,
                       .failed = answers_[i].failures,
                       .p95_s = answers_[i].p95_s()});
  }
  return targets;
}

}  // namespace tern
