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
  SchedulerOptions scheduler;  // its kv_blocks, context and step_tokens are of use as they stand
  StepCostCoefficients step;   // a step's time is drawn around it: half above, one in ten above spread times
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

// What a service promises of a request, and of how many of them.
struct ServiceLevel {
  double first_token_s = 2, gap_s = 0.1;  // the mean between an answer's tokens
  double share = 0.99;

  bool Holds(const SimRequest& r) const {
    return r.end == SimEnd::kWhole && r.first_token_s <= first_token_s && r.gap_s() <= gap_s;
  }
};
int64_t CountGood(const SimResult& result, const ServiceLevel& level);

// How much faster than the trace requests may come, so that enough of them are served as promised: to one
// part in fifty. Factor 0: not even one at a time.
struct Capacity {
  double factor = 0;
  SimResult result;  // at that
};
Capacity FindCapacity(const Trace& trace, const SimOptions& options, const ServiceLevel& level);

}  // namespace tern
