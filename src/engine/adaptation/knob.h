#pragma once
// KnobDesc: something that a running engine may set one way or another, and that changes how long its steps
// take, never a bit of what they say. One constant per knobs/<name>.cc and one line in knobs.list; what to
// set it to, and when to try something else, is adaptation.h's.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "sched/step_cost.h"

namespace tern {

class Runner;
class Scheduler;
class Speculator;

// What knobs turn. Tests of adaptation itself have none of them.
struct AdaptedParts {
  Runner* runner = nullptr;
  Scheduler* scheduler = nullptr;
  Speculator* speculator = nullptr;  // null: no drafts
};

// A step that an engine took.
struct StepRecord {
  double at_s = 0;     // when it ended, on any clock that goes on
  double seconds = 0;  // it took, with everything
  StepShape shape{};
  StepCostCoefficients cost{};  // of steps, as known before it
  int answers = 0;              // requests whose next token it computed
  int prompts = 0;              // others, of whose prompts it computed a part
  int drafts = 0;               // of its rows, those for nothing unless they follow
  int said = 0;                 // tokens that answers got of it
  int running = 0, waiting = 0;
  uint64_t preemptions = 0;  // so far
};

inline constexpr double kNoWork = -1;

struct KnobRange {
  std::vector<int> values;  // ascending; of one there is nothing to choose
  int start = 0;            // one of them: where nothing is known
};

struct KnobDesc {
  std::string_view name;     // "decode-threads"
  std::string_view summary;  // for people
  std::string_view unit;     // of work, for people: "step"
  Required<KnobRange (*)(const AdaptedParts& parts)> range;
  Required<void (*)(const AdaptedParts& parts, int value)> set;
  // How much the step did of what the knob is about, in any measure by which equal work has equal numbers
  // whatever the knob says: what a value costs is seconds per that. kNoWork: the step says nothing of it.
  Required<double (*)(const StepRecord& step, int value)> work;
  // Whether a step shows the value at all, which may take some steps after it was set. Null: from the second
  // on.
  bool (*shows)(const StepRecord& step, int value) = nullptr;
  // Whether another value may be worth trying now. Null: always. `before`: an earlier step.
  bool (*tries)(const StepRecord& step, const StepRecord& before, int from, int to) = nullptr;
  // Each step has its share of work, so that the middle one of a few stands for all. Else only their sum
  // does, of more of them, and a step may have taken its time for none.
  bool is_even = true;
  int run_steps = 5;  // of a value at a time, on trial
  // Steps of a shape take another time, so what they cost is not learnt from trials.
  bool changes_step_cost = false;
  // It is the machine and the model that decide, not the requests: kept for the next start.
  bool is_kept = false;
};

std::span<const KnobDesc* const> AllKnobs();  // knobs.list
// nullptr: none.
const KnobDesc* FindKnob(std::string_view name);

}  // namespace tern
