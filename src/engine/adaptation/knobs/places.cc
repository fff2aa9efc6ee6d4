// Requests that run at once. More share what a step reads of weights, so fewer are of use only where KV is so
// short that some have to give theirs back and be computed again.

#include "engine/adaptation/knob.h"
#include "sched/scheduler.h"

namespace tern {
namespace {

constexpr int kLeast = 2;

KnobRange Range(const AdaptedParts& parts) {
  const int most = parts.scheduler->most_running();
  KnobRange range{.values = {}, .start = most};
  for (const int places : {most / 2, 3 * most / 4}) {
    if (places >= kLeast && (range.values.empty() || places > range.values.back()))
      range.values.push_back(places);
  }
  if (range.values.empty() || most > range.values.back()) range.values.push_back(most);
  return range;
}

void Set(const AdaptedParts& parts, int places) { parts.scheduler->SetPlaces(places); }

// Tokens that were said, while others wait: all else is the price of them.
double Work(const StepRecord& step, int) { return step.waiting > 0 ? step.said : 0; }

bool Shows(const StepRecord& step, int places) { return step.running <= places && step.running > places / 2; }

// Fewer where some had to give way since; more where some wait.
bool Tries(const StepRecord& step, const StepRecord& before, int from, int to) {
  return to < from ? step.preemptions > before.preemptions : step.waiting > 0;
}

}  // namespace

extern const KnobDesc k_knob_places;
const KnobDesc k_knob_places = {
    .name = "places",
    .summary = "requests that run at once",
    .unit = "token",
    .range = Range,
    .set = Set,
    .work = Work,
    .shows = Shows,
    .tries = Tries,
    .is_even = false,
    .run_steps = 128,
};

}  // namespace tern
