#pragma once
// ik_llama.cpp's _kt formats: a run of 4 or 8 weights is the first numbers of a generator whose seed is stored,
// so that all 2^13 to 2^16 points of a codebook need no table. A scale per 32 weights, an f32 scale per row.
//
// Encoding looks at all seeds; the scales follow from the weights' size.

#include "tensor/quant/code_layouts.h"
#include "tensor/quant/levels.h"

namespace tern::TERN_ISA_NS {
namespace {

struct [[gnu::packed]] FloatPrefix {
  float d;
};

inline constexpr uint32_t kTrellisFirst = 4096;  // seed 0 starts here
inline constexpr size_t kTrellisGroup = 32;

// The next number, -126 to 126: a sum of four 6-bit numbers, so nearly normal; its deviation is 36.95.
inline float NextTrellis(uint32_t* state) {
  *state *= 0xcbac1fedu;
  const uint32_t parts = *state & 0x3f3f3f3fu;
  return static_cast<float>(static_cast<int>(parts * 0x01010101u >> 24) - 126);
}

template <size_t kRun>
inline void DecodeTrellis(uint32_t state, float scale, float* x) {
  for (size_t i = 0; i < kRun; ++i) x[i] = scale * NextTrellis(&state);
}

// The scale at which numbers of the generator are as large as a group's weights.
inline float TrellisScale(const float* x) {
  float square = 0;
  for (size_t i = 0; i < kTrellisGroup; ++i) square += x[i] * x[i];
  return __builtin_sqrtf(square / kTrellisGroup) / 36.95f;
}

// d with which the largest of the row's scales is `top` times d. NaN if any weight is not finite.
inline float TrellisRowScale(const float* x, size_t n, float top) {
  float largest = 0, probe = 0;
  for (size_t first = 0; first < n; first += kTrellisGroup) {
    const float scale = TrellisScale(x + first);
    largest = scale > largest ? scale : largest;
    probe += scale * 0.f;
  }
  return largest / top + probe;
}

// Scales that are levels of kLevels4: the code nearest in magnitude to scale / d.
inline uint8_t NearestTrellisLevel(float scale) {
  int code = 0;
  float least = __builtin_inff();
  for (int c = 0; c < 16; ++c) {
    const float miss = __builtin_fabsf(__builtin_fabsf(static_cast<float>(kLevels4[0][c])) - scale);
    code = miss < least ? c : code;
    least = miss < least ? miss : least;
  }
  return static_cast<uint8_t>(code);
}

// The best seeds for all runs of a super-block, given the scale of each group.
template <size_t kRun>
struct TrellisSearch {
  static constexpr size_t kRuns = kSuperBlock / kRun;
  float target[kRun][kRuns], scale[kRuns];
  uint32_t seed[kRuns];
  float error[kRuns];  // less that of all zeros

  void SetGroup(size_t g, const float* x, float group_scale) {
    constexpr size_t kGroupRuns = kTrellisGroup / kRun;
    for (size_t r = 0; r < kGroupRuns; ++r) {
      for (size_t i = 0; i < kRun; ++i) target[i][g * kGroupRuns + r] = x[r * kRun + i];
      scale[g * kGroupRuns + r] = group_scale;
    }
  }

  // Over `seeds` seeds that start at `first`; with kMagnitudes the numbers' signs do not count.
  template <bool kMagnitudes>
  void Run(uint32_t first, uint32_t seeds) {
    for (size_t r = 0; r < kRuns; ++r) {
      seed[r] = 0;
      error[r] = __builtin_inff();
    }
    for (uint32_t s = 0; s < seeds; ++s) {
      uint32_t state = s + first;
      float dot[kRuns] = {}, norm = 0;
      for (size_t i = 0; i < kRun; ++i) {
        const float next = NextTrellis(&state);
        const float level = kMagnitudes ? __builtin_fabsf(next) : next;
        norm += level * level;
        for (size_t r = 0; r < kRuns; ++r) dot[r] += level * target[i][r];
      }
      for (size_t r = 0; r < kRuns; ++r) {
        const float e = scale[r] * (scale[r] * norm - 2.f * dot[r]);
        seed[r] = e < error[r] ? s : seed[r];
        error[r] = e < error[r] ? e : error[r];
      }
    }
  }
};

// Encode's first half for formats with a level of kLevels4 as scale: of each group its code, then the seeds.
inline void SearchTrellis(const float* x, float d, uint32_t seeds, uint8_t* scale, TrellisSearch<8>* search) {
  for (size_t g = 0; g < 8; ++g) {
    const float* group = x + g * kTrellisGroup;
    scale[g] = NearestTrellisLevel(TrellisScale(group) * Inverse(d));
    search->SetGroup(g, group, d * static_cast<float>(kLevels4[0][scale[g]]));
  }
  search->Run<false>(kTrellisFirst, seeds);
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
