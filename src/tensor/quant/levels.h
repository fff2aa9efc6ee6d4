#pragma once
// Levels: codes that stand for the numbers of a short, uneven table, closer together near zero, where most
// weights are. The scale search of scale_search.h, for such tables.

#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

// In ascending order. Of formats with a choice per group, the second row is the first one shifted.
inline constexpr int8_t kLevels2[2][4] = {{-31, -13, 1, 17}, {-26, -8, 6, 22}};
inline constexpr int8_t kLevels3[2][8] = {{-63, -40, -23, -10, 1, 13, 28, 47},
                                          {-59, -36, -19, -6, 5, 17, 32, 51}};
inline constexpr int8_t kLevels4[2][16] = {
    {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113},
    {-123, -100, -79, -61, -45, -31, -18, -6, 5, 17, 29, 42, 57, 73, 93, 117}};
inline constexpr int8_t kLevels5[2][32] = {
    {-126, -114, -103, -92, -83, -74, -65, -57, -50, -43, -36, -30, -24, -18, -12, -6,
     -1,   5,    11,   17,  23,  29,  36,  43,  51,  59,  68,  77,  87,  97,  109, 121},
    {-124, -112, -101, -90, -81, -72, -63, -55, -48, -41, -34, -28, -22, -16, -10, -4,
     1,    7,    13,   19,  25,  31,  38,  45,  53,  61,  70,  79,  89,  99,  111, 123}};

// The code whose level is nearest; the lower one for a NaN.
template <class Level, size_t kCount>
inline uint8_t NearestLevel(const Level (&levels)[kCount], float x) {
  int code = 0;
  for (size_t i = 0; i + 1 < kCount; ++i) {
    code += x > 0.5f * (static_cast<float>(levels[i]) + static_cast<float>(levels[i + 1])) ? 1 : 0;
  }
  return static_cast<uint8_t>(code);
}

// The same table for 8 numbers at once: the level of x is the first one and all steps whose middle x is
// above.
template <size_t kCount>
struct LevelSteps {
  float first, middle[kCount - 1], step[kCount - 1];

  template <class Level>
  explicit LevelSteps(const Level (&levels)[kCount]) : first(static_cast<float>(levels[0])) {
    for (size_t i = 0; i + 1 < kCount; ++i) {
      const float low = static_cast<float>(levels[i]), high = static_cast<float>(levels[i + 1]);
      middle[i] = 0.5f * (low + high);
      step[i] = high - low;
    }
  }
  // The levels nearest to x[0..7] * inverse.
  void Nearest(const float* x, float inverse, float* level) const {
    Floats8 number, sum = first - Floats8{};
    __builtin_memcpy(&number, x, sizeof number);
    number *= inverse;
    for (size_t i = 0; i + 1 < kCount; ++i) {
      const Floats8 whole = step[i] - Floats8{};
      sum += reinterpret_cast<Floats8>(reinterpret_cast<Ints8>(whole) & (number > middle[i]));
    }
    __builtin_memcpy(level, &sum, sizeof sum);
  }
};

struct LevelFit {
  float d;
  float gain;  // what d takes off the squared error of all zeros
};

// The d that is best for the codes that `inverse` gives: d = xq / qq takes xq^2 / qq off the squared error.
template <size_t kCount>
inline LevelFit RefitLevels(const LevelSteps<kCount>& steps, const float* x, const float* w, size_t n,
                            float inverse) {
  float xq_lanes[8] = {}, qq_lanes[8] = {}, level[8];
  for (size_t i = 0; i < n; i += 8) {
    steps.Nearest(x + i, inverse, level);
    for (size_t l = 0; l < 8; ++l) {
      const float weighted = w[i + l] * level[l];
      xq_lanes[l] += weighted * x[i + l];
      qq_lanes[l] += weighted * level[l];
    }
  }
  const float xq = Sum8(xq_lanes), qq = Sum8(qq_lanes);
  return qq > 0 ? LevelFit{xq / qq, xq * xq / qq} : LevelFit{0, 0};
}

// d for n weights. Either end of the table may take the furthest weight, or one that is up to 1 + last_step /
// 25 times nearer, or it lies beyond.
template <class Level, size_t kCount>
inline LevelFit SearchLevels(const Level (&levels)[kCount], const float* x, const float* w, size_t n,
                             int last_step = 16) {
  const float furthest = FurthestWeight(x, n);
  if (!(__builtin_fabsf(furthest) > 0)) return {furthest, 0};
  const LevelSteps<kCount> steps(levels);
  LevelFit best = {0, 0};
  const Level ends[2] = {levels[0], levels[kCount - 1]};
  for (const Level end : ends) {
    for (int step = -10; step <= last_step; ++step) {
      const float inverse = static_cast<float>(end) * (1.f + 0.04f * static_cast<float>(step)) / furthest;
      const LevelFit fit = RefitLevels(steps, x, w, n, inverse);
      if (fit.gain > best.gain) best = fit;
    }
  }
  return best;
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
