#pragma once
// moe_mlp runs each row through its experts, gated units of one shape, and adds up what they say.
//
//   moe_mlp(x [rows,D], ids i32[rows,k], weights f32[rows,k], gate [E,F,D], up [E,F,D], down [E,D,F],
//           [gate_bias [E,F], up_bias [E,F], down_bias [E,D]]) -> f32[rows,D]
//   y = sum over the k experts e, in order, of  weight (down_e h + down_bias_e),
//       h = act(gate_e x + gate_bias_e) (up_e x + up_bias_e)
//   act           "silu", "gelu", "gelu_tanh", or "swiglu_oai" (GPT-OSS), which is
//                 h = g sigmoid(alpha g) (u + 1), g = min(gate, limit), u = clamp(up, -limit, limit)
//   alpha, limit  of swiglu_oai: 1.702 and 7 if not given
//   biases        0|1
//   input_scaled  1: the weight multiplies the expert's input instead of its output (Llama 4)
//   forms         "q8,q16": the forms of x that gate and up are multiplied with; default: as x is
//   round         of x and h, as linear's
//   hidden        "f32" (default), "q8", "q16": the form of h that down is multiplied with
//
// An id that is no expert's adds nothing.

#include <array>

#include "ops/linear.h"
#include "ops/shape_rules.h"

namespace tern {

struct MoeMlpForm {
  static constexpr size_t kX = 0, kIds = 1, kWeights = 2, kGate = 3, kUp = 4, kDown = 5;  // inputs
  static constexpr size_t kGateBias = 6, kUpBias = 7, kDownBias = 8;

  std::string_view act;
  double alpha = 0, limit = 0;  // of swiglu_oai
  bool has_bias = false;
  bool input_scaled = false;
  std::array<Elem, 2> activation = {};  // of gate and up
  Elem hidden = Elem::kF32;             // of down
  Rounding round = Rounding::kNone;
};

// `x` is the element type of the rows. The views point into `attrs`.
Result<MoeMlpForm> ParseMoeMlp(const Attrs& attrs, Elem x);
// act(gate) up, as defined above.
double MoeGate(const MoeMlpForm& form, double gate, double up);

}  // namespace tern
