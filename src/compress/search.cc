#include "compress/search.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

namespace tern {
namespace {

// Bits per weight of a scheme, for choosing a fallback.
double BitsOf(const Scheme& scheme) {
  return 8.0 * scheme.format->block_bytes / scheme.format->block_weights;
}

// Parts are read as fast as the format, times the bytes that they add.
double PartsShare(const WeightUnit& unit, const Candidate& candidate) {
  if (candidate.scheme.part == nullptr) return 1;
  const auto alone = BlockOffset(*candidate.scheme.format, static_cast<size_t>(unit.columns()));
  return static_cast<double>(candidate.bytes) / static_cast<double>(unit.rows()) / static_cast<double>(alone);
}

}  // namespace

std::string CompressTarget::Text() const {
  std::string text;
  const auto add = [&](std::string part) { text += (text.empty() ? "" : ", ") + part; };
  if (file_bytes) add(fmt::format("size {}", *file_bytes));
  if (kld) add(fmt::format("kld {}", *kld));
  if (speed) add(fmt::format("speed {}x", *speed));
  return text;
}

Result<double> ParseSpeed(std::string_view text) {
  double number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  const std::string_view rest(end, static_cast<size_t>(last - end));
  if (error == std::errc() && std::isfinite(number) && number > 0 && (rest.empty() || rest == "x"))
    return number;
  return BadInput(fmt::format("speed \"{}\", expected how many times as fast, as in 1.5x", text));
}

Search::Search(std::vector<AppraisedUnit> units, int64_t fixed_bytes, const DecodeTimes* times)
    : units_(std::move(units)), fixed_bytes_(fixed_bytes), times_(times) {
  for (AppraisedUnit& unit : units_) {
    std::vector<Choice>& choices = choices_.emplace_back();
    for (Candidate& candidate : unit.candidates) {
      const Format* read = candidate.splits() ? candidate.head_scheme.format : candidate.scheme.format;
      if (times != nullptr)
        candidate.seconds = times->Seconds(unit.unit.name, read) * PartsShare(unit.unit, candidate);
      choices.push_back({candidate.bytes, candidate.kld, candidate.seconds});
    }
  }
}

WeightPlan Search::PlanOf(const Allocation& allocation, double gap) const {
  WeightPlan plan{.chosen = allocation.chosen,
                  .bytes = allocation.bytes,
                  .kld = allocation.kld,
                  .step_seconds = times_ == nullptr ? 0 : allocation.seconds + times_->other_seconds,
                  .gap = gap};
  return plan;
}

Error Search::OutOfReach(const CompressTarget& target, const Scales& scales) const {
  const auto least = [&](auto value) {
    double sum = 0;
    for (const auto& choices : choices_) {
      double best = std::numeric_limits<double>::infinity();
      for (const Choice& choice : choices) best = std::min(best, value(choice));
      sum += best;
    }
    return sum;
  };
  std::string reach = fmt::format("the smallest file it can make has {:.0f} bytes",
                                  least([](const Choice& c) { return static_cast<double>(c.bytes); }) +
                                      static_cast<double>(fixed_bytes_));
  if (target.kld && target.file_bytes) {
    const auto within = SmallestKld(choices_, {.bytes = *target.file_bytes - fixed_bytes_});
    if (within.ok())
      reach += fmt::format(", that size costs a KLD of about {:.3g}", within.value().kld * scales.kld);
  }
  if (times_ != nullptr) {
    const double fastest =
        (least([](const Choice& c) { return c.seconds; }) + times_->other_seconds) * scales.time;
    reach += fmt::format(", the fastest decodes {:.2f} times as fast", times_->unmodified_seconds / fastest);
  }
  return Exhausted(fmt::format("target {}: out of reach; {}", target.Text(), reach));
}

Result<WeightPlan> Search::Solve(const CompressTarget& target, const Scales& scales) const {
  AllocationLimits limits;
  if (target.file_bytes) limits.bytes = *target.file_bytes - fixed_bytes_;
  if (target.kld) limits.kld = *target.kld / scales.kld;
  if (target.speed && times_ != nullptr)
    limits.seconds = times_->unmodified_seconds / *target.speed / scales.time - times_->other_seconds;
  // With a limit on KLD, what is left to make small is the file.
  auto solved = target.kld ? SmallestBytes(choices_, limits) : SmallestKld(choices_, limits);
  if (!solved.ok()) return OutOfReach(target, scales);
  const Allocation& a = solved.value();
  if (a.bytes > limits.bytes) return OutOfReach(target, scales);
  const double value = target.kld ? static_cast<double>(a.bytes) : a.kld;
  return PlanOf(a, value > 0 ? std::max(0.0, 1 - a.bound / value) : 0);
}

std::vector<std::pair<std::string, WeightPlan>> Search::Uniform(int64_t file_bytes) const {
  std::set<std::string> names;
  for (const AppraisedUnit& unit : units_) {
    for (const Candidate& candidate : unit.candidates) {
      if (candidate.method != nullptr) names.insert(candidate.scheme.name);
    }
  }
  std::vector<std::pair<std::string, WeightPlan>> plans;
  for (const std::string& name : names) {
    const double bits = BitsOf(ParseScheme(name).value());
    std::vector<size_t> chosen;
    for (const AppraisedUnit& unit : units_) {
      // The scheme itself, else the narrowest that is no narrower, else as it is.
      size_t best = 0;
      double best_bits = std::numeric_limits<double>::infinity();
      for (size_t i = 0; i < unit.candidates.size(); ++i) {
        const Candidate& c = unit.candidates[i];
        if (c.method == nullptr || c.splits()) continue;
        const double own = c.scheme.name == name ? 0 : BitsOf(c.scheme) < bits ? 1e9 : BitsOf(c.scheme);
        if (own > best_bits || (own == best_bits && c.kld >= unit.candidates[best].kld)) continue;
        best_bits = own;
        best = i;
      }
      chosen.push_back(best);
    }
    const WeightPlan plan = PlanOf(Total(choices_, std::move(chosen)), 0);
    if (FileBytes(plan) <= file_bytes) plans.emplace_back(name, plan);
  }
  std::stable_sort(plans.begin(), plans.end(),
                   [](const auto& a, const auto& b) { return a.second.kld < b.second.kld; });
  return plans;
}

std::vector<WeightPlan> Search::Front(int points) const {
  int64_t least = 0, most = 0;
  for (const auto& choices : choices_) {
    const auto [low, high] = std::minmax_element(
        choices.begin(), choices.end(), [](const Choice& a, const Choice& b) { return a.bytes < b.bytes; });
    least += low->bytes;
    most += high->bytes;
  }
  std::vector<WeightPlan> front;
  for (int i = 0; i < points; ++i) {
    AllocationLimits limits;
    limits.bytes = least + (most - least) * i / std::max(1, points - 1);
    const auto solved = SmallestKld(choices_, limits);
    if (!solved.ok()) continue;
    const WeightPlan plan = PlanOf(solved.value(), 0);
    if (front.empty() || plan.kld < front.back().kld) front.push_back(plan);
    if (plan.kld == 0) break;
  }
  return front;
}

}  // namespace tern
