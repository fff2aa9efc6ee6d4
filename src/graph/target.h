#pragma once
#include <string_view>
#include <vector>

#include "ops/op.h"

namespace tern {

class Graph;

// What a kernel is looked up by. `variant` names an attribute-dependent form of the op; passes ask for each
// one before they create it. Of `linear`:
//   ""                             one weight, f32 output
//   "merged"                       several weights on one input
//   "residual"                     adds the residual
//   "silu" and linear's other glus gates: act(y_1) * y_2
//   "q8", "q16"                    quantizes its one output
//   "likeliest"                    computes less where only the largest outputs are wanted
//   "int16", "bf16"                is faster where it may round f32 rows to it (ops/linear.h, `round`)
struct OpKey {
  std::string_view op;
  const Format* weight = nullptr;  // nullptr: any, or none
  Elem activation = Elem::kF32;
  std::string_view variant = "";
};

// What passes may ask about the device without knowing it.
class Target {
 public:
  virtual ~Target() = default;
  virtual bool Supports(const OpKey& key) const = 0;
  // Per node of `graph`, the stage in which a plan would run it, for PlanArena; empty: each in its own.
  virtual std::vector<int> Stages(const Graph&) const { return {}; }
};

}  // namespace tern
