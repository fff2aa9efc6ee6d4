// Threads of steps with many rows. All, as a rule; fewer where some cores are slow, or somebody else's.

#include "engine/adaptation/knob.h"
#include "engine/adaptation/thread_range.h"
#include "engine/runner.h"

namespace tern {
namespace {

KnobRange Range(const AdaptedParts& parts) { return ThreadRange(parts.runner->threads(), 2); }

void Set(const AdaptedParts& parts, int threads) { parts.runner->UseThreads(Runner::Rows::kMany, threads); }

double Work(const StepRecord& step, int) {
  return step.shape.rows > Runner::kFewRows ? StepSeconds(step.cost, step.shape) : kNoWork;
}

}  // namespace

extern const KnobDesc k_knob_prefill_threads;
const KnobDesc k_knob_prefill_threads = {
    .name = "prefill-threads",
    .summary = "threads of steps with many rows, which wait for arithmetic",
    .unit = "step",
    .range = Range,
    .set = Set,
    .work = Work,
    .changes_step_cost = true,
    .is_kept = true,
};

}  // namespace tern
