#pragma once
// Float tiles, written once over Simd: rows x 32 channels from a panel [K][32] of f32, f16 or bf16 and rows
// of f32. Per output element acc = fma(w[k], x[k], acc), k ascending, whatever the tile. Included by one .cc
// per ISA, after int_tiles.h.

#include "backends/cpu/linear/int_tiles.h"

namespace tern::TERN_ISA_NS {
namespace {

constexpr int kPanelVectors = kPanelWidth / Simd::kLanes;

template <FloatPanel kType>
TERN_INLINE Simd::F32 LoadWeights(const void* panel, size_t i) {
  if constexpr (kType == FloatPanel::kF32) {
    return Simd::Load(static_cast<const float*>(panel) + i);
  } else {
    const uint16_t* p = static_cast<const uint16_t*>(panel) + i;
    return kType == FloatPanel::kF16 ? Simd::LoadF16(p) : Simd::LoadBf16(p);
  }
}

template <FloatPanel kType, int kRows>
void FloatTile(const FloatTileArgs& a) {
  Simd::F32 acc[kRows][kPanelVectors];
  TERN_UNROLL
  for (int m = 0; m < kRows; ++m) {
    TERN_UNROLL
    for (int v = 0; v < kPanelVectors; ++v) acc[m][v] = Simd::Set(0);
  }
  constexpr size_t kBytes = kType == FloatPanel::kF32 ? 4 : 2;
  const size_t width = static_cast<size_t>(a.k);
  for (size_t k = 0; k < width; ++k) {
    if (a.prefetch != 0) {
      const char* ahead = static_cast<const char*>(a.panel) + (k + a.prefetch) * kPanelWidth * kBytes;
      __builtin_prefetch(ahead);
      if constexpr (kBytes == 4) __builtin_prefetch(ahead + 64);
    }
    Simd::F32 w[kPanelVectors];
    TERN_UNROLL
    for (int v = 0; v < kPanelVectors; ++v) {
      w[v] = LoadWeights<kType>(a.panel, k * kPanelWidth + static_cast<size_t>(v * Simd::kLanes));
    }
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      float x;
      __builtin_memcpy(&x, a.rows + static_cast<size_t>(m) * a.row_stride + k * 4, 4);
      TERN_UNROLL
      for (int v = 0; v < kPanelVectors; ++v) acc[m][v] = Simd::MulAdd(w[v], Simd::Set(x), acc[m][v]);
    }
  }
  TERN_UNROLL
  for (int m = 0; m < kRows; ++m) {
    TERN_UNROLL
    for (int v = 0; v < kPanelVectors; ++v) {
      Simd::Store(a.tile + m * kPanelWidth + v * Simd::kLanes, acc[m][v]);
    }
  }
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
