#pragma once
// Rotary position embedding (Su et al. 2021, arXiv 2104.09864): the tables that attention blocks share.

#include <string>

#include "models/builder.h"

namespace tern {

struct RopeSpec {
  std::string name = "rope_inv_freq";  // of the constant: models with two bases have two tables
  float base = 10000.f;
  int dims = 0;              // rotated channels per head; of an odd number, one more is
  RopeScaling scaling = {};  // default: none
};

// The base, the channels and the scaling of `h`.
RopeSpec RopeOf(const Hparams& h);

// cos and sin of every row's position: f32[T, dims rounded up to even]. Frequencies are base^(-2i / dims),
// changed as the scaling says; checkpoints may add divisors of them (rope_freqs, rope_factors_long,
// rope_factors_short).
ValueId RopeTable(ModelBuilder& b, const Hparams& h, const RopeSpec& spec);

}  // namespace tern
