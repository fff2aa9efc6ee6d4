#pragma once
// bf16 weights and rows rounded to bf16 (PackForm::kBf16), as vdpbf16ps takes them: in pairs of inputs.
//
// A panel (32 output channels):  per pair of inputs bf16 weight[32][2]
// A row:                         bf16 x[K], from a 64-byte line on
// With an odd K the last pair's second numbers are 0.
//
// Plain C++: included by the files that are compiled per ISA.

#include "backends/cpu/linear/panel_layout.h"

namespace tern {

inline constexpr size_t kBf16PairBytes = 4 * kPanelWidth;

struct Bf16Layout {
  size_t pairs;

  TERN_FOLDED explicit Bf16Layout(int64_t k) : pairs(static_cast<size_t>((k + 1) / 2)) {}
  TERN_FOLDED size_t panel_bytes() const { return pairs * kBf16PairBytes; }
  // A line more than needed: rows of powers of two would share cache sets.
  TERN_FOLDED size_t row_bytes() const { return (pairs * 4 + 63) / 64 * 64 + 64; }
};

}  // namespace tern
