#pragma once
// The formulas of the activation ops, in double: ops and the gate of `linear` share them.

#include <cmath>
#include <string_view>

namespace tern {

inline double Silu(double x) { return x / (1 + std::exp(-x)); }
// x Phi(x), Phi the normal distribution (Hendrycks and Gimpel 2016, arXiv 1606.08415).
inline double Gelu(double x) { return 0.5 * x * (1 + std::erf(x * 0.70710678118654752440)); }
// Their approximation of it by tanh.
inline double GeluTanh(double x) {
  constexpr double kRoot2OverPi = 0.79788456080286535588;
  return 0.5 * x * (1 + std::tanh(kRoot2OverPi * (x + 0.044715 * x * x * x)));
}

inline double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
// NaN stays NaN.
inline double Relu(double x) { return x < 0 ? 0 : x; }
// So et al. 2021 (arXiv 2109.08668).
inline double Relu2(double x) { return Relu(x) * Relu(x); }

// By op name: "silu", "gelu_tanh", "gelu", "relu".
inline double Activate(std::string_view act, double x) {
  if (act == "silu") return Silu(x);
  if (act == "relu") return Relu(x);
  return act == "gelu" ? Gelu(x) : GeluTanh(x);
}

}  // namespace tern
