#pragma once
// Trial: two values of a knob in turns, a few steps of each at a time, until it is known whether the other
// one is better. In the order A B B A A B B A ..., so that what changes slowly while they run changes both
// alike. What seems better has to show it once more, from nothing: of many trials some are lucky.
//
// Not thread-safe; no clock. Allocates nothing.

#include <array>
#include <cstdint>

namespace tern {

// kTooDear: it ended before anything was known, as it had cost what it may.
enum class Verdict : uint8_t { kGoesOn, kBetter, kNotBetter, kMuchWorse, kTooDear };

class Trial {
 public:
  static constexpr double kLeastGain = 0.02;  // that is worth a move
  static constexpr double kMuchWorse = 1.3;   // times as much: that shows in few steps
  static constexpr int kMostEvenSteps = 24;   // of a run whose steps are even
  static constexpr int kMostPairs = 20;       // of runs, then nothing is known for sure, and nothing moves

  // Runs of so many steps; KnobDesc::is_even.
  Trial(int run_steps, bool is_even);

  // Whose turn the next step is.
  bool others_turn() const { return others_turn_; }
  // A step of that value which shows it; an even one has work.
  void Add(double seconds, double work);
  Verdict verdict() const { return verdict_; }
  // The other's cost by the current one's, as far as it is known: 0.95 is 5 % less. 1: it is not.
  double ratio() const { return ratio_; }
  int pairs() const { return first_pairs_ + pairs_; }
  // Seconds that the other took beyond what the current one would have; below 0: fewer.
  double excess_s() const { return excess_s_; }

 private:
  struct Run {
    std::array<double, kMostEvenSteps> costs{};  // where they are even
    int steps = 0;
    double seconds = 0, work = 0;
  };
  double CostOf(const Run& run) const;
  void EndRun();
  void Judge();
  bool SeemsMuchWorse() const;
  void CutRun();

  const int run_steps_;
  const bool is_even_;
  bool others_turn_ = false, other_came_first_ = false;
  Run run_;
  double current_cost_ = 0, other_cost_ = 0;  // of the pair
  bool has_current_ = false, has_other_ = false;
  bool was_cut_ = false;                    // the other's run of the pair, since it took much more
  int cuts_ = 0;                            // in a row, that the current value's run behind it confirmed
  double usual_cost_ = 0;                   // of the current value, its last run
  std::array<double, kMostPairs> gains_{};  // logarithms
  int pairs_ = 0, first_pairs_ = 0;         // those that it seemed better in first: 0 until then
  double ratio_ = 1, excess_s_ = 0, expected_s_ = 0;  // the last two: of the other's steps
  Verdict verdict_ = Verdict::kGoesOn;
};

}  // namespace tern
