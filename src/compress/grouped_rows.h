#pragma once
// Codes of whole numbers with a scale, and perhaps a minimum, laid down as rows of q4_0, q4_1 or q8_0: the
// formats of schemes whose groups are longer than a block.

#include <cstdint>
#include <span>

#include "compress/scheme.h"

namespace tern {

// How the codes of one group mean numbers: code * scale + minimum, codes from `low` to `high`. Both are
// values of f16, in which GGUF has them, and of bf16, in which compressed-tensors has them (RoundScale).
struct GroupGrid {
  float scale = 0, minimum = 0;
};
struct CodeRange {
  int low, high;
};
// Of schemes with groups: -8 to 7 (q4_0), 0 to 15 (q4_1), -127 to 127 (q8_0).
CodeRange CodesOf(const Scheme& scheme);
bool HasMinimum(const Scheme& scheme);
// Weights of one group in a row of this many columns.
int64_t GroupOf(const Scheme& scheme, int64_t columns);

float RoundScale(float x);
// The grid on which the group's largest numbers stand.
GroupGrid AbsMaxGrid(const Scheme& scheme, std::span<const float> weights);
// The grid with the least squared error of those tried, each weight's error times its importance;
// `importance` empty: all count the same. Never worse than AbsMaxGrid.
GroupGrid SearchGrid(const Scheme& scheme, std::span<const float> weights, std::span<const float> importance);
int NearestCode(const Scheme& scheme, const GroupGrid& grid, float weight);
// Writes a row. `codes` one per weight, `grids` one per group.
void WriteRow(const Scheme& scheme, std::span<const int8_t> codes, std::span<const GroupGrid> grids,
              void* row);

}  // namespace tern
