#pragma once
// SymmetricSystem: S x = b for a symmetric, positive definite S, by Cholesky's factorisation in double; for
// the small systems of least squares. hessian_factor.h has the large one of an input's Hessian.

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tern {

class SymmetricSystem {
 public:
  // s [n, n], of which the lower half is read; none where it is not positive definite.
  static std::optional<SymmetricSystem> Make(std::vector<double> s, size_t n);
  // b [n] becomes x.
  void Solve(std::span<double> b) const;

 private:
  SymmetricSystem(std::vector<double> factor, size_t n) : factor_(std::move(factor)), n_(n) {}

  std::vector<double> factor_;  // lower half
  size_t n_;
};

}  // namespace tern
