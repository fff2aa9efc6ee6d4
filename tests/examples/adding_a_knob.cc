// The knob of docs/adding-a-knob.md, turned by an adaptation whose steps are made up.

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/adaptation/adaptation.h"
#include "sched/scheduler.h"

// ---- src/engine/adaptation/knobs/reading_rows.cc
namespace tern {
namespace {

KnobRange Range(const AdaptedParts& parts) {
  const int most = parts.scheduler->most_step_tokens();
  return {.values = {most / 8, most}, .start = most};
}

void Set(const AdaptedParts& parts, int rows) { parts.scheduler->SetPromptChunk(rows); }

// Rows of a step that reads prompts alone, where it has as many as it may.
double Work(const StepRecord& step, int rows) {
  return step.answers == 0 && step.shape.rows >= rows ? step.shape.rows : kNoWork;
}

}  // namespace
extern const KnobDesc k_knob_reading_rows;
const KnobDesc k_knob_reading_rows = {
    .name = "reading-rows",
    .summary = "rows of a step that reads prompts",
    .unit = "row",
    .range = Range,
    .set = Set,
    .work = Work,
};
}  // namespace tern
// ----

namespace tern {
namespace {

// Rows beyond a cache's size take twice as long.
TEST(AddingAKnob, TheExampleFindsWhatFits) {
  constexpr int kFits = 100;
  Scheduler scheduler({.kv_blocks = 1024, .context = 16384, .step_tokens = 512});
  const KnobDesc* const knobs[] = {&k_knob_reading_rows};
  Adaptation adaptation(knobs, {.scheduler = &scheduler}, {});
  const std::vector<int32_t> prompt(2048, 7);
  double now_s = 1;
  int rows = 0;
  for (int request = 0; request < 100; ++request) {
    const RequestId id = scheduler.Submit({.tokens = prompt, .shares_prefix = false}, 0).value();
    for (size_t read = 0; read < prompt.size(); read += static_cast<size_t>(rows)) {
      rows = static_cast<int>(scheduler.Plan(0).pieces[0].tokens.size());
      scheduler.Commit(0);
      StepRecord step{.seconds = 1e-4 * (std::min(rows, kFits) + 2 * std::max(rows - kFits, 0)),
                      .prompts = 1};
      step.at_s = now_s += step.seconds;
      step.shape.rows = rows;
      adaptation.EndStep(step);
    }
    scheduler.End(id);
  }
  EXPECT_EQ(rows, 64);
}

}  // namespace
}  // namespace tern
