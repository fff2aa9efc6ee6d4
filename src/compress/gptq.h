#pragma once
// GPTQ (Frantar et al. 2022): weights are rounded one input after the other, and what each rounding does to
// the layer's outputs is made up for by the weights of the row that are still to be rounded.
//
// Scales are chosen before, from the weights as they are ("static groups"), so that the order of rounding is
// free and files look like any other of their format. Rows are independent: a weight may be encoded in parts.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "compress/hessian_factor.h"
#include "compress/scheme.h"

namespace tern {

enum class GptqScales : uint8_t {
  kAbsMax,        // the largest weight of a group on its largest code; only of schemes with groups
  kSquaredError,  // least squared error of weights
  kWeighted,      // least squared error, each weight's times the mean square of its input
};

enum class GptqStatus : uint8_t {
  kDone,
  kFewTokens,     // done, but with less than two tokens per column: it may not hold for other text
  kTooFewTokens,  // less than one token per column: rounded to nearest on weighted scales
  kNotDefinite,   // the Hessian cannot be factored: rounded to nearest
  kNoCodes,       // the format has no codes to choose (codebooks): encoded by importance
};

// What all weights that read one input share.
struct GptqInput {
  size_t columns = 0;
  GptqStatus status = GptqStatus::kDone;
  std::vector<float> hessian;           // both triangles
  std::vector<float> energies;          // its diagonal
  std::optional<HessianFactor> factor;  // none: weights are rounded to nearest
};
// `hessian`: [columns, columns] mean of x x^T over `tokens`; its upper triangle counts.
GptqInput PrepareGptq(std::span<const float> hessian, size_t columns, int64_t tokens,
                      const FactorOptions& options);

// Rows of one weight, to be stored in one scheme.
struct GptqTask {
  std::span<const float> weights;  // [rows, columns], finite
  size_t rows = 0;
  const Scheme* scheme = nullptr;  // fits the columns
  const GptqInput* input = nullptr;
  GptqScales scales = GptqScales::kWeighted;
};

struct GptqOutcome {
  GptqStatus status = GptqStatus::kDone;
  size_t nearest_rows = 0;  // rows that rounding to nearest served better, and got it
  // Sum over rows of d^T H d, d being what is lost of the weights: the mean squared error of the outputs.
  double error = 0, nearest_error = 0;
};

// Writes the rows' bytes to `out`, as the scheme's format lays them.
GptqOutcome EncodeGptq(const GptqTask& task, char* out);

}  // namespace tern
