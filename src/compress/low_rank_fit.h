#pragma once
// What is left of a weight, E [rows, columns], as a product B A of few inner dimensions, such that outputs
// for inputs with Hessian H lose least: tr((E - B A) H (E - B A)^T).
//
// Given H, the best B has as columns the leading eigenvectors of E H E^T, and then A = B^T E (Eckart and
// Young 1936, with the whitening of SVD-LLM, arXiv 2403.07378, written without a root of H). Given A, the
// best B is E H A^T (A H A^T)^-1. Results depend on neither threads nor their number. Plain arrays; any
// thread.

#include <cstdint>
#include <span>
#include <vector>

#include "base/team.h"

namespace tern {

// H of inputs: `hessian` [columns, columns], or empty and `energies` [columns], its diagonal, or both empty:
// the identity.
struct InputWeights {
  std::span<const float> hessian, energies;
};

struct FitTask {
  std::span<const float> error;  // E, [rows, columns]
  size_t rows = 0, columns = 0;
  InputWeights inputs;
  Team* team = nullptr;
};

// A of the best product, [rank, columns]; rank at most min(rows, columns).
std::vector<float> LeadingRows(const FitTask& task, size_t rank);
// The best B for this A, [rows, rank].
std::vector<float> FitLeft(const FitTask& task, std::span<const float> a, size_t rank);
// A H A^T, [rank, rank]: the Hessian of what B is multiplied with.
std::vector<float> InnerHessian(const FitTask& task, std::span<const float> a, size_t rank);

}  // namespace tern
