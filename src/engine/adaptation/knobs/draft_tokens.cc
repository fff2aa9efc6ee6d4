// Most drafts of an answer in a step. How many of them are worth a place is decided step by step, by what is
// expected of each (speculation/draft_lengths.h); this sees to it that what was expected comes true, and ends
// drafts where they do not pay after all.

#include "engine/adaptation/knob.h"
#include "engine/speculation/speculator.h"

namespace tern {
namespace {

KnobRange Range(const AdaptedParts& parts) {
  const int most = parts.speculator == nullptr ? 0 : parts.speculator->most();
  KnobRange range{.values = {0}, .start = most};
  if (most >= 6) range.values.push_back(most / 3);
  if (most > 0) range.values.push_back(most);
  return range;
}

void Set(const AdaptedParts& parts, int drafts) {
  if (parts.speculator != nullptr) parts.speculator->SetMost(drafts);
}

// Tokens that were said, by what a step without drafts takes for each.
double Work(const StepRecord& step, int) {
  if (step.answers == 0 || step.prompts > 0) return kNoWork;
  StepShape plain = step.shape;
  plain.rows -= step.drafts;
  plain.outputs -= step.drafts;
  plain.kv_pairs = plain.kv_pairs * plain.rows / step.shape.rows;
  return StepSeconds(step.cost, plain) * step.said / step.answers;
}

// Fewer where there are any.
bool Tries(const StepRecord& step, const StepRecord&, int from, int to) {
  return to > from || step.drafts > 0;
}

}  // namespace

extern const KnobDesc k_knob_draft_tokens;
const KnobDesc k_knob_draft_tokens = {
    .name = "draft-tokens",
    .summary = "most drafts of an answer in a step",
    .unit = "token",
    .range = Range,
    .set = Set,
    .work = Work,
    .tries = Tries,
    .is_even = false,
    .run_steps = 16,
};

}  // namespace tern
