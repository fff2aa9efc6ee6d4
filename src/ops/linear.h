#pragma once
// How the inputs and attributes of `linear` are read, for backends and passes.
//
//   linear(x, w_1 .. w_n, [bias_1 .. bias_n], [residual]) -> y_1 .. y_n, or with glu one y
//   weights=n   biases=0|n   residual=0|1
//   forms       per weight the form of x it is multiplied with: "q8,q8,q16"; default: all as x is
//   glu         "", "silu", "gelu_tanh", "gelu", "relu": n = 2, y = act(y_1) * y_2
//   round       what f32 rows may be rounded to, as backends that are faster then do:
//               "int16": float weights too, to 13 bits per group of 128 inputs;  "bf16": weights are bf16
//   likeliest   0|1: where the batch says that only the largest of a row's outputs are wanted, the others may
//               be -inf: one weight, nothing added
//   output      "f32" (default), "q8", "q16": the one output, quantized

#include <vector>

#include "base/result.h"
#include "ops/op.h"

namespace tern {

enum class Rounding : uint8_t { kNone, kInt16, kBf16 };

struct LinearForm {
  size_t weights = 1;
  bool has_bias = false;
  bool has_residual = false;
  std::vector<Elem> activation;  // per weight: kF32, kQ8 or kQ16
  std::string_view glu;          // "": none
  Rounding round = Rounding::kNone;
  bool likeliest = false;
  Elem output = Elem::kF32;

  size_t bias_input(size_t i) const { return 1 + weights + i; }
  size_t residual_input() const { return 1 + weights + (has_bias ? weights : 0); }
  size_t inputs() const { return residual_input() + (has_residual ? 1 : 0); }
  size_t outputs() const { return glu.empty() ? weights : 1; }
};

// `x` is the element type of the rows. The views point into `attrs`.
Result<LinearForm> ParseLinear(const Attrs& attrs, Elem x);

// What moe_mlp and head_linear share. The attribute `forms` on rows of type x; the attribute `round`.
Result<std::vector<Elem>> ParseForms(std::string_view text, Elem x, size_t weights);
Result<Rounding> ParseRounding(const Attrs& attrs);
// Row r of x as numbers, as a weight of this form sees it: q16 rows count without their low plane for q8.
void ReadRow(const View& x, int64_t r, Elem form, std::vector<double>& out);

}  // namespace tern
