#pragma once
// Simulate: a trace through the scheduler, KV pool and prefix tree that serve, with a clock that moves by
// what each step is said to take. A day of traffic takes seconds, and the same trace and options give the
// same steps.
//
// As in the engine, what comes during a step is seen after it; a step's tokens reach their clients one
// after the other when it has ended; an answer ends with its last token or where the context does.

#include <cstdint>
#include <vector>

#include "plan/machine_cost.h"
#include "plan/quantiles.h"
#include "plan/trace.h"
#include "sched/scheduler.h"

namespace tern {

struct SimOptions {
  SchedulerOptions scheduler;  // with promises, who comes when they cannot be kept is refused; kv_blocks,
                               // context and step_tokens are of use as they stand
  // Half of all steps take as long; of steps of a few answers, one in ten takes more than `spread` times
  // that, and one in a hundred more than `tail` times.
  StepCostCoefficients step;
  double token_s = 0, request_s = 0;  // MachineCost's
  uint64_t seed = 1;
};

enum class SimEnd : uint8_t { kWhole, kRefused };

// Of one request, in the order of the trace. Seconds from when it was sent.
struct SimRequest {
  SimEnd end = SimEnd::kRefused;
  double first_token_s = 0, total_s = 0;
  int output_tokens = 0;
  int cached_tokens = 0;
  double gap_s() const { return output_tokens < 2 ? 0 : (total_s - first_token_s) / (output_tokens - 1); }
};

struct SimResult {
  std::vector<SimRequest> requests;
  Quantiles first_token, gap,
      total;  // seconds: of whole answers, of the times between tokens, as clients see
  int64_t refused = 0, input_tokens = 0, output_tokens = 0, steps = 0;
  double busy_s = 0;       // steps, and what the engine's thread does between them
  double span_s = 0;       // from the first arrival to the last token
  int most_kv_blocks = 0;  // that requests held at once
  SchedulerCounts counts;  // at the end
  uint64_t digest = 0;     // of every step: when, whose rows, how many
};

SimResult Simulate(const Trace& trace, const SimOptions& options);

// Requests that were served as promised: the first token in time, and the others on average.
int64_t CountGood(const Trace& trace, const SimResult& result, const Slo& slo);

// How much faster than the trace requests may come, so that 99 of 100 are served as promised: to one part in
// fifty. Factor 0: not even one at a time.
inline constexpr double kServedShare = 0.99;
struct Capacity {
  double factor = 0;
  SimResult result;  // at that
};
Capacity FindCapacity(const Trace& trace, const SimOptions& options, const Slo& slo);

}  // namespace tern
