#pragma once
// MachineCost: how long a model's steps take on a machine, and what surrounds them; measured, kept as JSON,
// and asked by the simulator. The JSON is what `tern bench --json` prints: figures that a cost of steps is
// fitted to, or with "step_cost" that cost itself, in seconds under the names of kStepCostFields; or what a
// server that learnt it says at /debug/schedule.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sched/step_cost.h"

namespace tern {

struct MachineCost {
  std::string model;
  StepCostCoefficients step;
  double token_s = 0;  // of the engine's thread, for each token that a step delivers: sampling, text, events
  double request_s = 0;   // before a request comes to the engine: HTTP, parsing, tokenizing
  int context = 4096;     // most tokens of a request, as it was served
  int kv_tokens = 0;      // of all of them that memory holds; 0: not said
  int step_tokens = 512;  // most rows of a step
};

// Steps that were timed: of prompts, one step of `tokens` rows behind `depth` others; of answers, steps of
// `batch` rows, one for each sequence, `tokens` of them beginning at `depth`.
struct StepPoint {
  bool is_prefill = false;
  int tokens = 0, batch = 1, depth = 0;
  double seconds = 0;  // of one step

  StepShape shape() const;
};

// How far the cost of steps is from a point, as a share of it, where it is farthest.
struct StepFit {
  StepCostCoefficients cost;
  double worst = 0;
};
// Error: too few points to tell the price of rows from that of a step.
Result<StepFit> FitSteps(std::span<const StepPoint> points);

// Errors name `name`, the member, and what was expected.
Result<MachineCost> ParseMachineCost(std::string_view json, const std::string& name);
std::string FormatMachineCost(const MachineCost& cost);

}  // namespace tern
