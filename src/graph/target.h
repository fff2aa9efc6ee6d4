#pragma once
#include <string_view>

#include "ops/op.h"

namespace tern {

// What a kernel is looked up by. `variant` names an attribute-dependent form of the op; passes ask for each
// one before they create it. Of `linear`:
//   ""                             one weight, f32 output
//   "merged"                       several weights on one input
//   "residual"                     adds the residual
//   "silu" and linear's other glus gates: act(y_1) * y_2
//   "q8", "q16"                    quantizes its one output
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
};

}  // namespace tern
