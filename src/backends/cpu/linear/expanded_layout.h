#pragma once
// Many rows: what a panel (panel_layout.h) becomes on the way, once per cache block. Codes of every form turn
// into bytes, scales into f32, so that one small set of tiles multiplies all forms.
//
// An expanded panel, per step of 32 inputs:
//   f32 scale[groups][32] | (has_min) f32 min[groups][32] | u8 code[8 quads][32 channels][4 inputs]
// with scales and minimums as the tiles use them. Rows stay where they lie, but for their sums, which become
// what the tiles need of them:
//   i32 seed[K/16], or with has_min f32 sum[K/16]     of the group that holds these 16 inputs
// where seed, -zero times the sum, is what the accumulator starts with.
//
// Plain C++: included by the files that are compiled per ISA.

#include "backends/cpu/linear/panel_layout.h"

namespace tern {

inline constexpr int kExpandedRows = 6;  // of a tile

struct ExpandedLayout {
  int groups;  // per step: 1, 2
  bool has_min;

  TERN_FOLDED size_t header_bytes() const {
    return static_cast<size_t>(groups * kPanelWidth * 4 * (has_min ? 2 : 1));
  }
  TERN_FOLDED size_t step_bytes() const { return header_bytes() + kStep * kPanelWidth; }
};
TERN_FOLDED ExpandedLayout ExpandedOf(const PanelLayout& layout) { return {layout.groups(), layout.has_min}; }

}  // namespace tern
