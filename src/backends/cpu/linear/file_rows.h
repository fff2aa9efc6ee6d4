#pragma once
// Rows of a weight where the file has them, times a row of q16 activations. For a few rows out of many, whose
// panels would bring all their neighbours along. The arithmetic of each row is IntTile's, so its bits are.
// Included by one .cc per ISA, after int_tiles.h.

#include "backends/cpu/linear/int_tiles.h"

namespace tern::TERN_ISA_NS {
namespace {

// sum((code - 128) * x) of one block, below 128 * 16320 * 32.
TERN_INLINE int32_t BlockDot(const IntBlock& block, const int16_t* x) {
  int32_t dot = 0;
  for (int i = 0; i < kStep; ++i) dot += static_cast<int16_t>(block.code[i] - 128) * x[i];
  return dot;
}

template <class F>
void FileRows(const FileRowsArgs& a) {
  static_assert(F::kWeights == kStep);
  constexpr int kVectors = kFileRows / Simd::kLanes;
  Simd::F32 acc[kVectors];
  for (int v = 0; v < kVectors; ++v) acc[v] = Simd::Set(0);
  for (int step = 0; step < a.steps; ++step) {
    alignas(64) int32_t dot[kFileRows];
    alignas(64) float scale[kFileRows];
    for (int r = 0; r < kFileRows; ++r) {
      IntBlock block;
      F::Unpack(reinterpret_cast<const typename F::Block*>(a.rows[r])[step], &block);
      dot[r] = BlockDot(block, a.x + step * kStep);
      scale[r] = block.d;
    }
    for (int v = 0; v < kVectors; ++v) {
      Simd::I32 dots;
      __builtin_memcpy(&dots, dot + v * Simd::kLanes, sizeof(dots));
      const Simd::F32 unit = Simd::Mul(Simd::Load(scale + v * Simd::kLanes), Simd::Set(1.0f / 128));
      const Simd::F32 y = Simd::Mul(unit, Simd::ToFloat(dots));
      acc[v] = Simd::MulAdd(Simd::Set(a.scales[step]), y, acc[v]);
    }
  }
  for (int v = 0; v < kVectors; ++v) Simd::Store(a.y + v * Simd::kLanes, acc[v]);
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
