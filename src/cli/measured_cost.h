#pragma once
// What steps of a model cost on this machine, measured as `tern serve` would run it, for `tern sim` and
// `tern bench --step-cost`.

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "cli/model_flags.h"
#include "engine/speed_meter.h"
#include "plan/machine_cost.h"

namespace tern {

// As tern serve has it, but that layers with a window hold KV of all positions.
Result<RunnerOptions> ServedRunnerOptions(const std::shared_ptr<const LoadedModel>& model,
                                          const ModelFlags& flags, int parallel);
// Short and long, few and many, shallow and deep: what a cost of steps is fitted to.
std::vector<SpeedCase> StepCostCases(const Runner& runner);
StepPoint StepPointOf(const SpeedCase& what, double seconds);  // of all its steps
// All but what steps take: of `step`, how much equal ones differ. Takes a second; the runner is used up.
Result<MachineCost> MeasureSurroundings(std::unique_ptr<Runner> runner, std::string model);

// Measured, or as kept from an earlier time with the same files, build and flags. It is kept beside the
// model's packed weights; not with flags.no_cache. `anew`: measured, and kept.
struct MeasuredCost {
  MachineCost cost;
  double worst = 0;  // StepFit's; of a kept one, 0
  bool is_kept = false;
};
Result<MeasuredCost> MeasureMachineCost(const ModelFlags& flags, int parallel, bool anew);

}  // namespace tern
