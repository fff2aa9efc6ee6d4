// Threads of steps with few rows. These wait for memory, which some of the cores may bring as fast as all,
// with fewer barriers to meet at.

#include "engine/adaptation/knob.h"
#include "engine/adaptation/thread_range.h"
#include "engine/runner.h"

namespace tern {
namespace {

KnobRange Range(const AdaptedParts& parts) { return ThreadRange(parts.runner->threads(), 1); }

void Set(const AdaptedParts& parts, int threads) { parts.runner->UseThreads(Runner::Rows::kFew, threads); }

// As much as a step of its shape takes usually.
double Work(const StepRecord& step, int) {
  return step.shape.rows <= Runner::kFewRows ? StepSeconds(step.cost, step.shape) : kNoWork;
}

}  // namespace

extern const KnobDesc k_knob_decode_threads;
const KnobDesc k_knob_decode_threads = {
    .name = "decode-threads",
    .summary = "threads of steps with few rows, which wait for memory",
    .unit = "step",
    .range = Range,
    .set = Set,
    .work = Work,
    .changes_step_cost = true,
    .is_kept = true,
};

}  // namespace tern
