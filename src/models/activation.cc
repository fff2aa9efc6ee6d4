#include "models/activation.h"

#include <utility>

namespace tern {

std::string_view ActivationOp(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kOps[] = {
      {"silu", "silu"},           {"swish", "silu"},         {"gelu", "gelu"},
      {"gelu_python", "gelu"},    {"gelu_new", "gelu_tanh"}, {"gelu_fast", "gelu_tanh"},
      {"gelu_tanh", "gelu_tanh"}, {"relu", "relu"},          {"gelu_pytorch_tanh", "gelu_tanh"},
      {"relu2", "relu2"},         {"relu_squared", "relu2"},
  };
  for (const auto& [known, op] : kOps) {
    if (known == name) return op;
  }
  return "";
}

}  // namespace tern
