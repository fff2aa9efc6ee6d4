#pragma once
// What iq1_s and iq1_m share: 8 weights are a point of -1, 0, 1, all of them moved up or down by 1/8.

#include "tensor/quant/codebook.h"
#include "tensor/quant/iq1_grid.h"

namespace tern::TERN_ISA_NS {
namespace {

inline constexpr size_t kPoints1 = 2048;

// Points from kPoints1 on are those moved down.
inline float Level1(size_t point, size_t i) {
  const int level = (kGrid1[point % kPoints1] >> i * 2 & 3) - 1;
  return static_cast<float>(level) + (point < kPoints1 ? 0.125f : -0.125f);
}

inline void FillBook1(float (*level)[8]) {
  for (size_t p = 0; p < 2 * kPoints1; ++p) {
    for (size_t i = 0; i < 8; ++i) level[p][i] = Level1(p, i);
  }
}

inline void DecodeRun1(float scale, size_t point, float* x) {
  for (size_t i = 0; i < 8; ++i) x[i] = scale * Level1(point, i);
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
