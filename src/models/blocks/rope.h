#pragma once
// Rotary position embedding (Su et al. 2021, arXiv 2104.09864): the tables that attention blocks share.

#include <string>

#include "models/builder.h"

namespace tern {

struct RopeSpec {
  std::string name;  // of the constant: models with two bases have two tables
  float base = 10000.f;
  int dims = 0;               // rotated channels per head
  float linear_factor = 1.f;  // position interpolation: positions are divided by it
  std::string factors;  // a tensor [dims / 2] of the checkpoint that divides each frequency; empty: none
};

// cos and sin of every row's position: f32[T, dims]. frequency_i = base^(-2i / dims) / linear_factor /
// factors_i.
ValueId RopeTable(ModelBuilder& b, const RopeSpec& spec);

}  // namespace tern
