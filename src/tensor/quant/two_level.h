#pragma once
// The K-quants' two levels of scales: 256 weights in groups of 16 or 32, whose scales (and minimums) are
// small integers times one f16 d (and dmin). Fits fill an IntBlock; each format's Pack knows how it lies on
// disk.

#include "tensor/quant/code_layouts.h"
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

inline float RoundToF16(float x) { return F16ToF32(F32ToF16(x)); }

struct AffineLimits {
  int top, scale_top;
};

// Group g's sc, mn and codes, d and dmin being given. The best pair of integers need not be the nearest one:
// an error in the scale and one in the minimum can cancel.
inline void RoundAffine(const float* x, const float* w, size_t n, AffineLimits limits, Affine fit, size_t g,
                        IntBlock* out) {
  const int sc = NearestCode(fit.d * Inverse(out->d), 0, limits.scale_top);
  const int mn = NearestCode(fit.minimum * Inverse(out->dmin), 0, limits.scale_top);
  Affine best = {};
  float best_error = -1;
  for (int i = 0; i < 9; ++i) {
    const int s = NearestCode(static_cast<float>(sc + i / 3 - 1), 0, limits.scale_top);
    const int m = NearestCode(static_cast<float>(mn + i % 3 - 1), 0, limits.scale_top);
    const Affine candidate = {out->d * static_cast<float>(s), out->dmin * static_cast<float>(m)};
    const float error = AffineError(x, w, n, limits.top, candidate);
    if (best_error >= 0 && !(error < best_error)) continue;
    best_error = error;
    best = candidate;
    out->sc[g] = static_cast<int8_t>(s);
    out->mn[g] = static_cast<uint8_t>(m);
  }
  const float inverse = Inverse(best.d);
  for (size_t i = 0; i < n; ++i) {
    out->code[g * n + i] = static_cast<uint8_t>(NearestCode((x[i] + best.minimum) * inverse, 0, limits.top));
  }
}

// weight = d * sc * code - dmin * mn, codes 0..top, sc and mn 0..scale_top.
inline void FitAffineGroups(const float* x, const float* w, size_t group, int top, int scale_top,
                            IntBlock* out) {
  Affine fits[16];
  float largest_d = 0, largest_minimum = 0, probe = 0;
  for (size_t g = 0; g < kSuperBlock / group; ++g) {
    fits[g] = SearchAffine(x + g * group, w + g * group, group, top, true);
    largest_d = fits[g].d > largest_d ? fits[g].d : largest_d;
    largest_minimum = fits[g].minimum > largest_minimum ? fits[g].minimum : largest_minimum;
    probe += fits[g].d * 0.f;
  }
  out->d = RoundToF16(largest_d / static_cast<float>(scale_top) + probe);
  out->dmin = RoundToF16(largest_minimum / static_cast<float>(scale_top) + probe);
  for (size_t g = 0; g < kSuperBlock / group; ++g)
    RoundAffine(x + g * group, w + g * group, group, {top, scale_top}, fits[g], g, out);
}

// weight = d * sc * (code - half), codes 0..2 half - 1, sc -scale_half..scale_half - 1, in groups of 16.
inline void FitSymmetricGroups(const float* x, const float* w, int half, int scale_half, IntBlock* out) {
  constexpr size_t kGroup = 16;
  float scales[kSuperBlock / kGroup];
  for (size_t g = 0; g < kSuperBlock / kGroup; ++g)
    scales[g] = SearchScale(x + g * kGroup, w + g * kGroup, kGroup, half);
  out->d = RoundToF16(-FurthestWeight(scales, kSuperBlock / kGroup) / static_cast<float>(scale_half));
  out->dmin = 0;
  for (size_t g = 0; g < kSuperBlock / kGroup; ++g) {
    const int sc = NearestCode(scales[g] * Inverse(out->d), -scale_half, scale_half - 1);
    out->sc[g] = static_cast<int8_t>(sc);
    out->mn[g] = 0;
    const float inverse = Inverse(out->d * static_cast<float>(sc));
    for (size_t i = g * kGroup; i < (g + 1) * kGroup; ++i) {
      out->code[i] = static_cast<uint8_t>(NearestCode(x[i] * inverse, -half, half - 1) + half);
    }
  }
}

// q4_k and q5_k pack eight 6-bit scales and minimums into 12 bytes: entries 0-3 in the low 6 bits of bytes
// 0-3 (scales) and 4-7 (minimums); of entries 4-7 the low 4 bits in bytes 8-11, the high 2 above entries 0-3.
inline void UnpackSixBitPairs(const uint8_t* packed, IntBlock* out) {
  for (size_t j = 0; j < 4; ++j) {
    out->sc[j] = static_cast<int8_t>(packed[j] & 63);
    out->mn[j] = packed[j + 4] & 63;
    out->sc[j + 4] = static_cast<int8_t>((packed[j + 8] & 15) | (packed[j] >> 6) << 4);
    out->mn[j + 4] = static_cast<uint8_t>((packed[j + 8] >> 4) | (packed[j + 4] >> 6) << 4);
  }
}

inline void PackSixBitPairs(const IntBlock& ints, uint8_t* packed) {
  for (size_t j = 0; j < 4; ++j) {
    packed[j] = static_cast<uint8_t>(ints.sc[j] | (ints.sc[j + 4] >> 4) << 6);
    packed[j + 4] = static_cast<uint8_t>(ints.mn[j] | (ints.mn[j + 4] >> 4) << 6);
    packed[j + 8] = static_cast<uint8_t>((ints.sc[j + 4] & 15) | (ints.mn[j + 4] & 15) << 4);
  }
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
