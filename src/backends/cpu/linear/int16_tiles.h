#pragma once
// Tiles over int16 codes (int16_layout.h), written once over Simd. Per output element, group by group:
//   acc = fma(scale_w * scale_x, sum of code_w * code_x, acc)      the sum exact, int32
// Included by one .cc per ISA, after int_tiles.h.

#include "backends/cpu/linear/int16_layout.h"
#include "backends/cpu/linear/int_tiles.h"

namespace tern::TERN_ISA_NS {
namespace {

constexpr int kInt16Vectors = kPanelWidth / Simd::kLanes;

// Adds a group of `pairs` pairs to the tile.
template <int kRows>
TERN_INLINE void Int16Group(const RoundedTileArgs& a, const uint8_t* group, size_t g, size_t pairs) {
  const size_t kGroupBytes = static_cast<size_t>(kInt16Group) * 2;
  const uint8_t* codes = group + kInt16HeaderBytes;
  const uint8_t* x = a.rows + a.codes + g * kGroupBytes;
  Simd::I32 acc[kRows][kInt16Vectors];
  TERN_UNROLL
  for (int m = 0; m < kRows; ++m) {
    TERN_UNROLL
    for (int v = 0; v < kInt16Vectors; ++v) acc[m][v] = Simd::Zero();
  }
  for (size_t p = 0; p < pairs; ++p, codes += kInt16PairBytes, x += 4) {
    if (a.prefetch != 0) {
      __builtin_prefetch(codes + a.prefetch);
      __builtin_prefetch(codes + a.prefetch + 64);
    }
    Simd::U8 w[kInt16Vectors];
    TERN_UNROLL
    for (int v = 0; v < kInt16Vectors; ++v) w[v] = Simd::Load(codes + v * kVectorBytes);
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      const Simd::I32 pair = Simd::Broadcast(x + static_cast<size_t>(m) * a.row_stride);
      TERN_UNROLL
      for (int v = 0; v < kInt16Vectors; ++v) acc[m][v] = Simd::DotInt16(acc[m][v], w[v], pair);
    }
  }
  TERN_UNROLL
  for (int m = 0; m < kRows; ++m) {
    float scale;
    __builtin_memcpy(&scale, a.rows + static_cast<size_t>(m) * a.row_stride + g * 4, 4);
    TERN_UNROLL
    for (int v = 0; v < kInt16Vectors; ++v) {
      const int at = v * Simd::kLanes;
      const Simd::F32 w_scale = Simd::Load(reinterpret_cast<const float*>(group) + at);
      float* tile = a.tile + m * kPanelWidth + at;
      const Simd::F32 before = g == 0 ? Simd::Set(0) : Simd::Load(tile);
      Simd::Store(tile, Simd::MulAdd(Simd::Mul(w_scale, Simd::Set(scale)), Simd::ToFloat(acc[m][v]), before));
    }
  }
}

template <int kRows>
void Int16Tile(const RoundedTileArgs& a) {
  constexpr size_t kPairs = static_cast<size_t>(kInt16Group) / 2;
  const uint8_t* group = a.panel;
  size_t left = a.pairs;
  for (size_t g = 0; left != 0; ++g) {
    const size_t pairs = left < kPairs ? left : kPairs;
    Int16Group<kRows>(a, group, g, pairs);
    group += kInt16HeaderBytes + pairs * kInt16PairBytes;
    left -= pairs;
  }
}

// The codes of x[0..n), a group or less, and its scale. As in quantized rows, a group of tiny values is all
// zeros, and one with a NaN or an infinity has a NaN scale.
TERN_INLINE float Int16Codes(const float* x, size_t n, uint8_t* codes) {
  constexpr size_t kLanes = Simd::kLanes, kLineFloats = static_cast<size_t>(kInt16Group);
  float padded[kLineFloats];
  if (n % kLanes != 0) {
    for (size_t i = 0; i < kLineFloats; ++i) padded[i] = i < n ? x[i] : 0;
    x = padded;
  }
  Simd::I32 bits = Simd::Zero();
  for (size_t i = 0; i < n; i += kLanes) bits = Simd::MaxInt(bits, Simd::AbsBits(Simd::Load(x + i)));
  const auto [scale, inverse] = GroupScaleOf(Simd::MaxOfAll(bits), kInt16Max);
  for (size_t i = 0; i < n; i += kLanes) {
    const Simd::F32 t = inverse == 0 ? Simd::Set(0) : Simd::Mul(Simd::Load(x + i), Simd::Set(inverse));
    Simd::StoreI16(codes + 2 * i, Simd::ToInt(t));
  }
  return scale;
}

void Int16Row(const float* x, int64_t k, uint8_t* row) {
  const auto width = static_cast<size_t>(k), group = static_cast<size_t>(kInt16Group);
  uint8_t* codes = row + Int16Layout(k).row_codes();
  for (size_t first = 0; first < width; first += group) {
    const size_t n = width - first < group ? width - first : group;
    const float scale = Int16Codes(x + first, n, codes + 2 * first);
    __builtin_memcpy(row + first / group * 4, &scale, 4);
  }
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
