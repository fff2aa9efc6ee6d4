#include "compress/symmetric_system.h"

#include <cmath>

namespace tern {

std::optional<SymmetricSystem> SymmetricSystem::Make(std::vector<double> s, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = s[i * n + j];
      for (size_t k = 0; k < j; ++k) sum -= s[i * n + k] * s[j * n + k];
      if (i == j && !(sum > 0)) return std::nullopt;
      s[i * n + j] = i == j ? std::sqrt(sum) : sum / s[j * n + j];
    }
  }
  return SymmetricSystem(std::move(s), n);
}

void SymmetricSystem::Solve(std::span<double> b) const {
  for (size_t i = 0; i < n_; ++i) {
    for (size_t k = 0; k < i; ++k) b[i] -= factor_[i * n_ + k] * b[k];
    b[i] /= factor_[i * n_ + i];
  }
  for (size_t i = n_; i-- > 0;) {
    for (size_t k = i + 1; k < n_; ++k) b[i] -= factor_[k * n_ + i] * b[k];
    b[i] /= factor_[i * n_ + i];
  }
}

}  // namespace tern
