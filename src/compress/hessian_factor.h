#pragma once
// HessianFactor: how the rounding error of one weight of a row is best made up for by the weights that are
// still to be rounded, for a layer whose inputs x have the Hessian H = mean of x x^T.
//
// With H^-1 = U^T U, U upper triangular, an error e in the weight at place i is made up for by taking
// e U[i][j] / U[i][i] off every place j > i (Frantar et al. 2022, "GPTQ", which finds U by inverting H and
// factoring that). Here U is the inverse of V in H = V V^T, V upper triangular: one Cholesky factorisation of
// H read backwards, and one triangular inverse.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace tern {

struct HessianFactor {
  size_t columns = 0;
  std::vector<uint32_t> order = {};  // by place: the column that is rounded there
  std::vector<float> feed = {};      // [columns, columns]; row i: U[i][j] / U[i][i] at j > i, 0 elsewhere
  float damping = 0;                 // added to the diagonal, as a share of its mean
};

struct FactorOptions {
  bool by_strength = true;  // the columns with the strongest inputs first ("act-order"); else in their order
  float damping = 0.01f;    // multiplied by 10 until the factorisation succeeds, up to 1
};

// `hessian`: [columns, columns], its upper triangle counts. An error where it is not positive definite with
// any damping, or has numbers that are not finite.
Result<HessianFactor> FactorHessian(std::span<const float> hessian, size_t columns,
                                    const FactorOptions& options);

}  // namespace tern
