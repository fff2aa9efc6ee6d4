#pragma once
// Adaptation: knobs (knob.h) that move while an engine runs, by what its steps take. One knob at a time: a
// value that might be better is tried in turns with the current one (trial.h), and set where it surely is.
// What was left behind is tried again soon, so that a move that was a mistake, or no longer right, is taken
// back; what is not better, ever more seldom, and at once where steps begin to take another time than they
// did.
//
// Trying costs a share of the time that is bounded: kShare of what steps take, and at the beginning a few
// steps.
//
// Not thread-safe; no clock: times come with the steps. Allocates nothing but when it moves.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/adaptation/knob.h"
#include "engine/adaptation/trial.h"

namespace tern {

struct KnobValue {
  std::string name;
  int value = 0;
};

// What is known of a value.
struct TriedValue {
  int value = 0;
  int times = 0;
  int against = 0;                     // the value then
  double ratio = 1;                    // the cost to that one's, when it was tried last
  Verdict verdict = Verdict::kGoesOn;  // kGoesOn: it never was, or was not found out
  double at_s = 0, next_s = 0;         // when it was, and when it may be again
};
// For the next start.
struct KeptKnob {
  std::string name;
  int value = 0;
  std::vector<TriedValue> values{};
};

struct AdaptationMove {
  double at_s = 0;  // of the engine's clock
  std::string_view knob;
  int from = 0, to = 0;
  bool is_back = false;  // to where it had been before its last move
  std::string reason;
};

struct AdaptationOptions {
  bool is_on = false;
  bool is_static = false;          // nothing moves
  std::vector<KeptKnob> start{};   // where an earlier run ended; what is no value of a knob is passed over
  std::vector<KnobValue> fixed{};  // as the user says; within the knob's range
  std::function<void(const AdaptationMove&)> on_move{};
  // What is worth keeping for the next start (KnobDesc::is_kept) has been found, or has changed.
  std::function<void(const std::vector<KeptKnob>&)> on_kept{};
};

// For whoever looks on.
struct KnobView {
  const KnobDesc* desc = nullptr;
  int value = 0, start = 0;
  bool is_fixed = false;
  uint64_t steps = 0;              // that said something of it
  double row_s = 0;                // seconds per row of such steps, of late
  std::vector<TriedValue> values;  // ascending
};
struct AdaptationView {
  bool is_on = false, is_static = false;
  double at_s = 0;            // of the last step
  double steps_s = 0;         // all steps took
  double tried_s = 0;         // of these, with values on trial
  double excess_s = 0;        // and of these, what they took beyond the current values
  std::string_view trying{};  // a knob; "": none
  int trying_value = 0;
  std::vector<KnobView> knobs;
  std::vector<AdaptationMove> history;  // the last ones
  uint64_t moves = 0;                   // all
};

class Adaptation {
 public:
  static constexpr double kShare = 0.01;  // of the time of steps, that trials may cost
  static constexpr size_t kHistory = 256;

  // Sets every knob.
  Adaptation(std::span<const KnobDesc* const> knobs, const AdaptedParts& parts, AdaptationOptions options);

  // Whether the step that is being taken says nothing of what steps cost.
  bool disturbs_step_cost() const {
    return trial_ && trial_->others_turn() && knobs_[trial_knob_].desc->changes_step_cost;
  }
  // Nothing is tried, nor moved, in the step.
  void EndStep(const StepRecord& step);
  void LookAt(AdaptationView* view) const;

 private:
  struct Knob {
    const KnobDesc* desc = nullptr;
    std::vector<TriedValue> values{};
    size_t current = 0, start = 0;
    std::optional<size_t> left{};  // by the last move
    int backs = 0;                 // moves taken back
    bool is_fixed = false, was_kept = false;
    uint64_t steps = 0;
    double row_s = 0;
    double fast = 0, slow = 0;                   // logarithms of the cost, of late and before
    double before_change = 0, changed_s = -1e9;  // the cost until it changed, and when that was
    std::vector<int> failures{};                 // of each value since the last move
    int value() const { return values[current].value; }
  };

  Knob MakeKnob(const KnobDesc& desc) const;
  void Set(const Knob& knob, size_t value) const { knob.desc->set(parts_, knob.values[value].value); }
  void TrustKept(double at_s);
  void Learn(Knob& knob, const StepRecord& step);
  void NoteChange(Knob& knob, double at_s);
  std::optional<size_t> NextToTry(const Knob& knob, const StepRecord& step) const;
  void Begin(const StepRecord& step);
  void Continue(const StepRecord& step);
  void GiveUp(double at_s);
  void End(Verdict verdict, double at_s);
  void Move(Knob& knob, size_t to, double at_s);
  void Keep(Knob& knob);
  std::string ReasonOf(const Knob& knob) const;

  const AdaptedParts parts_;
  const AdaptationOptions options_;
  std::vector<Knob> knobs_;
  std::optional<Trial> trial_;
  size_t trial_knob_ = 0, trial_value_ = 0;
  bool has_switched_ = false;  // the next step is the first with its value
  double last_shown_s_ = 0;    // a step that said something of the trial
  double credit_s_ = 0, most_credit_s_ = 0;
  StepRecord before_;
  double at_s_ = 0, steps_s_ = 0, tried_s_ = 0, excess_s_ = 0;
  std::vector<AdaptationMove> history_;
  uint64_t moves_ = 0;
};

}  // namespace tern
