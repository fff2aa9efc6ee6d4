#pragma once
// StepBudget: what fits into a step, by what steps cost and what has been promised to those in it. Where
// nothing is promised, or not known yet what steps cost, everything does.

#include "sched/slo.h"
#include "sched/step_cost.h"

namespace tern {

class StepBudget {
 public:
  static constexpr int kLeastChunk = 16;  // rows of prompts that get on in any step
  // What lower classes may add to a step of a higher one that has been promised no time between tokens.
  static constexpr double kLowerShare = 0.15;

  // `key_stretch`: what API keys that have more than their share may add to a step of one that has less; 0:
  // any.
  StepBudget(const Slo& slo, double key_stretch, const StepCost* cost)
      : slo_(slo), key_stretch_(key_stretch), cost_(*cost) {}

  bool is_on() const { return (slo_.any() || key_stretch_ > 0) && cost_.is_known(); }
  // A new step, with nothing in it, and whom it is for: `top` is what those would compute by themselves that
  // come first, by their class or, where `by_key`, as their key has less than its share.
  void Begin(Priority top_class, bool by_key, const StepShape& top);
  // Its rows come into the step. `is_awaited`: the next token of an answer comes of them.
  void Add(Priority priority, int first, int rows, int outputs, bool is_awaited);
  // As many rows more, with logits, of one that is in the step, the first at position `first`.
  void Lengthen(int first, int rows);
  // How many of `wanted` rows fit beside what is in the step. `is_lower`: whether those of the highest class
  // come before its own.
  int Fitting(int first, int wanted, bool is_lower) const;
  // How many rows with logits, of as many requests, a step may have if a few of a prompt are to be in it,
  // too. `itl_s`: what was promised of the time between tokens; `depth`: tokens of a request.
  int Requests(double itl_s, int depth, int most) const;
  // How many rows of a prompt fit beside `shape`.
  int PromptRows(const StepShape& shape, double itl_s, int most) const;
  // Whether steps with these rows keep it.
  bool Keeps(const StepShape& shape, double itl_s) const { return cost_.Predict(shape) <= Planned(itl_s); }
  // What is around it as well. Of a step that was planned for a promise: whether it was kept.
  void StepTook(double seconds);

  const StepShape& shape() const { return shape_; }
  double limit_s() const { return limit_s_; }  // of the step; infinite: none
  // Of a promise, the share that steps are planned for, by what nine in ten keep to: as much as two in a
  // thousand come late by. An answer has some hundred tokens, and one that is late is seen.
  double planned() const { return planned_; }

 private:
  double Planned(double promised_s) const { return promised_s * planned_ / cost_.coefficients().spread; }

  const Slo slo_;
  const double key_stretch_;
  const StepCost& cost_;
  StepShape shape_;
  double limit_s_ = 0, lower_limit_s_ = 0;
  double promised_s_ = 0, planned_ = 0.9;
};

}  // namespace tern
