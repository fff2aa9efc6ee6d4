#pragma once
// ik_llama.cpp's _kt formats: a run of 4 or 8 weights is the first numbers of a generator whose seed is
// stored, so that all 2^13 to 2^16 points of a codebook need no table. A scale per 32 weights, an f32 scale
// per row.
//
// Encoding looks at all seeds, with scales that follow from the weights' size.

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

// d with which 1.25 times the largest of the row's scales is `top` times d. NaN if any weight is not finite.
inline float TrellisRowScale(const float* x, size_t n, float top) {
  float largest = 0, probe = 0;
  for (size_t first = 0; first < n; first += kTrellisGroup) {
    const float scale = TrellisScale(x + first);
    largest = scale > largest ? scale : largest;
    probe += scale * 0.f;
  }
  return 1.25f * largest / top + probe;
}

// Scales that are levels of kLevels4, times d: the code that is nearest to `scale` in magnitude.
inline int NearestTrellisLevel(float scale) {
  int code = 0;
  float least = __builtin_inff();
  for (int c = 0; c < 16; ++c) {
    const float miss = __builtin_fabsf(__builtin_fabsf(static_cast<float>(kLevels4[0][c])) - scale);
    code = miss < least ? c : code;
    least = miss < least ? miss : least;
  }
  return code;
}

// The best seeds for all runs of a super-block, and the best of a few scales for each group. A format F says
// ScaleCode(x), the code of the scale nearest to x times the row's d, Multiplier(code), and kMagnitudes, if
// the signs of the generator's numbers do not count.
template <class F, size_t kRun>
class TrellisSearch {
 public:
  static constexpr size_t kRuns = kSuperBlock / kRun, kGroupRuns = kTrellisGroup / kRun, kGroups = 8;

  TrellisSearch(const float* x, float d) {
    for (size_t r = 0; r < kRuns; ++r) {
      for (size_t i = 0; i < kRun; ++i) {
        const float w = x[r * kRun + i];
        target_[i][r] = F::kMagnitudes ? __builtin_fabsf(w) : w;
      }
      for (size_t t = 0; t < kTries; ++t) {
        constexpr float kFactor[kTries] = {0.8f, 1.f, 1.25f};
        const float scale = TrellisScale(x + r / kGroupRuns * kTrellisGroup) * Inverse(d);
        code_[t][r] = F::ScaleCode(scale * kFactor[t]);
        scale_[t][r] = d * F::Multiplier(code_[t][r]);
      }
    }
  }

  // Over `seeds` seeds, of which the first is generator state `first`.
  void Run(uint32_t first, uint32_t seeds) {
    for (auto& run : error_) {
      for (float& error : run) error = __builtin_inff();
    }
    for (auto& run : seed_) {
      for (uint32_t& seed : run) seed = 0;
    }
    for (uint32_t seed = 0; seed < seeds; ++seed) TrySeed(first + seed, seed);
    for (size_t g = 0; g < kGroups; ++g) ChooseTry(g);
  }

  int code(size_t g) const { return code_[try_[g]][g * kGroupRuns]; }  // of the group's scale
  uint32_t seed(size_t r) const { return seed_[try_[r / kGroupRuns]][r]; }
  float error(size_t g) const { return group_error_[g]; }  // less that of all zeros

 private:
  static constexpr size_t kTries = 3;

  void TrySeed(uint32_t state, uint32_t seed) {
    float dot[kRuns] = {}, norm = 0;
    for (size_t i = 0; i < kRun; ++i) {
      const float next = NextTrellis(&state);
      const float level = F::kMagnitudes ? __builtin_fabsf(next) : next;
      norm += level * level;
      for (size_t r = 0; r < kRuns; ++r) dot[r] += level * target_[i][r];
    }
    for (size_t t = 0; t < kTries; ++t) {
      for (size_t r = 0; r < kRuns; ++r) {
        const float e = scale_[t][r] * (scale_[t][r] * norm - 2.f * dot[r]);
        seed_[t][r] = e < error_[t][r] ? seed : seed_[t][r];
        error_[t][r] = e < error_[t][r] ? e : error_[t][r];
      }
    }
  }

  void ChooseTry(size_t g) {
    try_[g] = 0;
    for (size_t t = 0; t < kTries; ++t) {
      float sum = 0;
      for (size_t r = 0; r < kGroupRuns; ++r) sum += error_[t][g * kGroupRuns + r];
      if (t > 0 && !(sum < group_error_[g])) continue;
      group_error_[g] = sum;
      try_[g] = t;
    }
  }

  float target_[kRun][kRuns], scale_[kTries][kRuns], error_[kTries][kRuns];
  uint32_t seed_[kTries][kRuns];
  int code_[kTries][kRuns];
  size_t try_[kGroups];
  float group_error_[kGroups];
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
