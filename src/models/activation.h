#pragma once
// Activations by the names that configs give them.

#include <string_view>

namespace tern {

// The op that computes it: "gelu_pytorch_tanh" is gelu_tanh. Empty: no such activation.
std::string_view ActivationOp(std::string_view name);

// The names that ActivationOp knows.
inline constexpr std::string_view kKnownActivations =
    "silu swish gelu gelu_python gelu_new gelu_fast gelu_pytorch_tanh relu relu2 relu_squared";

}  // namespace tern
