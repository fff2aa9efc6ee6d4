#pragma once
// Float weights and rows as int16 codes (PackForm::kInt16): twice the multiplications per instruction of f32.
// A scale per 128 inputs, codes in -4095..4095: 128 products of two then fit in 32 bits, so a group's sum is
// exact. The error is 1/8190 of the group's largest value: about 0.02 % of a weight's standard deviation.
//
// A panel (32 output channels), group by group:  f32 scale[32] | per pair of inputs i16 code[32][2]
// A row:                                         f32 scale[groups] | i16 code[K], each from a 64-byte line on
// With an odd K the last pair's second codes are 0.
//
// Plain C++: included by the files that are compiled per ISA.

#include "backends/cpu/linear/panel_layout.h"

namespace tern {

inline constexpr int64_t kInt16Group = 128;
inline constexpr int kInt16Max = 4095;
static_assert(kInt16Group * kInt16Max * kInt16Max <= INT32_MAX);
inline constexpr size_t kInt16PairBytes = 4 * kPanelWidth;
inline constexpr size_t kInt16HeaderBytes = 4 * kPanelWidth;

struct Int16Layout {
  size_t groups, pairs;

  TERN_FOLDED explicit Int16Layout(int64_t k)
      : groups(static_cast<size_t>((k + kInt16Group - 1) / kInt16Group)),
        pairs(static_cast<size_t>((k + 1) / 2)) {}
  TERN_FOLDED size_t panel_bytes() const { return groups * kInt16HeaderBytes + pairs * kInt16PairBytes; }
  TERN_FOLDED size_t row_codes() const { return (groups * 4 + 63) / 64 * 64; }  // where a row's codes begin
  // A line more than needed: rows of powers of two would share cache sets.
  TERN_FOLDED size_t row_bytes() const { return row_codes() + (pairs * 4 + 63) / 64 * 64 + 64; }
};

}  // namespace tern
