// Rows of prompts that a step reads beside which nobody waits for his next token. More share what a step
// costs by itself, fewer stay in cache. With answers beside them, what is promised to these decides
// (sched/step_budget.h), or --optimize.

#include <algorithm>

#include "engine/adaptation/knob.h"
#include "sched/scheduler.h"

namespace tern {
namespace {

constexpr int kLeast = 64;

KnobRange Range(const AdaptedParts& parts) {
  const int most = parts.scheduler->most_step_tokens();
  KnobRange range{.values = {}, .start = most};
  for (const int rows : {most / 4, most / 2}) {
    if (rows >= kLeast && rows % 16 == 0) range.values.push_back(rows);
  }
  range.values.push_back(most);
  return range;
}

void Set(const AdaptedParts& parts, int rows) { parts.scheduler->SetPromptChunk(rows); }

// Rows, and what they look at, by what these cost usually. Only of full steps: how long prompts are is not
// the chunk's doing.
double Work(const StepRecord& step, int rows) {
  if (step.answers > 0 || step.shape.rows < rows) return kNoWork;
  StepCostCoefficients of_rows = step.cost;
  of_rows.step_s = of_rows.output_s = 0;
  of_rows.row_s = of_rows.more_row_s;
  return of_rows.more_row_s > 0 ? StepSeconds(of_rows, step.shape) : kNoWork;
}

}  // namespace

extern const KnobDesc k_knob_prompt_chunk;
const KnobDesc k_knob_prompt_chunk = {
    .name = "prompt-chunk",
    .summary = "rows of prompts in a step that nobody waits for with an answer",
    .unit = "row",
    .range = Range,
    .set = Set,
    .work = Work,
    .is_kept = true,
};

}  // namespace tern
