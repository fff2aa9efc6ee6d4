#pragma once
// RuleWeights: how many states an expression roughly takes, and which rules are so small that they are
// written in place of their calls.

#include <vector>

#include "text/grammar/expressions.h"

namespace tern::grammar {

class RuleWeights {
 public:
  // Once time is up they are worth nothing.
  RuleWeights(const Expressions& expressions, Deadline* deadline);
  uint32_t Of(ExprId expr) const { return weights_[expr]; }
  bool IsInlined(RuleId rule) const { return inlined_[rule]; }

 private:
  static constexpr uint32_t kMostInlined = 24;
  uint32_t Weigh(const Expressions& x, ExprId expr) const;
  void Settle(const Expressions& x, RuleId rule);

  std::vector<uint32_t> weights_;  // 0: not known yet
  std::vector<bool> inlined_;
};

}  // namespace tern::grammar
