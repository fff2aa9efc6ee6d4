#pragma once
// Search: which candidate each weight takes, so that the whole meets a target. Sums are estimates: whoever
// asks measures the result, and asks again with what was learnt (`scale`).

#include <optional>
#include <string>
#include <vector>

#include "compress/allocate.h"
#include "compress/appraise.h"
#include "compress/decode_times.h"

namespace tern {

// What the user asked for; at least one is set.
struct CompressTarget {
  std::optional<int64_t> file_bytes;  // at most
  std::optional<double> kld;          // nats per token, at most
  std::optional<double> speed;        // times the unmodified model's tokens per second in decode, at least

  std::string Text() const;  // "size 90000000, kld 0.02"
};

// "1.5x" or "1.5": above 0.
Result<double> ParseSpeed(std::string_view text);

// One candidate for each unit.
struct WeightPlan {
  std::vector<size_t> chosen;  // by unit: index of its candidate
  int64_t bytes = 0;           // of the units
  double kld = 0;              // estimated
  double step_seconds = 0;     // of decode, estimated; 0: not measured
  double gap = 0;              // by how much of itself the sum could be better at most
};

class Search {
 public:
  // `fixed_bytes`: of the file, beside the units. `times`: null where speed does not matter.
  Search(std::vector<AppraisedUnit> units, int64_t fixed_bytes, const DecodeTimes* times);

  // The plan for a target. `kld_scale`, `time_scale`: how measured sums went by estimated ones so far. Errors
  // (kExhausted) say what can be reached at most.
  struct Scales {
    double kld = 1, time = 1;
  };
  Result<WeightPlan> Solve(const CompressTarget& target, const Scales& scales) const;
  // Every unit in one scheme, or where that does not fit in the next best of the same width or more; those of
  // the given file size or less, least KLD first.
  std::vector<std::pair<std::string, WeightPlan>> Uniform(int64_t file_bytes) const;
  // Least estimated KLD at sizes between the smallest and the unmodified file.
  std::vector<WeightPlan> Front(int points) const;

  int64_t FileBytes(const WeightPlan& plan) const { return plan.bytes + fixed_bytes_; }
  const std::vector<AppraisedUnit>& units() const { return units_; }
  const Candidate& candidate(const WeightPlan& plan, size_t unit) const {
    return units_[unit].candidates[plan.chosen[unit]];
  }
  double unmodified_seconds() const { return times_ == nullptr ? 0 : times_->unmodified_seconds; }

 private:
  WeightPlan PlanOf(const Allocation& allocation, double gap) const;
  Error OutOfReach(const CompressTarget& target, const Scales& scales) const;

  std::vector<AppraisedUnit> units_;
  UnitChoices choices_;
  int64_t fixed_bytes_;
  const DecodeTimes* times_;
};

}  // namespace tern
