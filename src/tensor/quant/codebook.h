#pragma once
// Codebooks: one code stands for a run of 2, 4 or 8 weights, a point; a group of runs has a scale:
// weights = scale * point, in some formats with signs of their own beside the point.
//
// Encoding tries all scales a group may have and for each finds the nearest point of every run, by looking at
// all points. It is slow and exact; only the choice of the block's d is a search.
//
// A format F says kRun, kGroup, kSigns, kScaleCodes, Multiplier(code) (scale = d * Multiplier(code)),
// kHalves (2: a group's points are all in one half of the book), kTop (the largest level), and
// FillBook(&book).

#include "tensor/quant/code_layouts.h"
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

enum class Signs {
  kInPoints,  // points have signs
  kFree,      // a bit per weight
  kEven,      // a bit per weight, an even number of them set in each 8 weights: 7 are stored
};

// All 8 signs from 7, an even number of them set: 0x6996 has the parity of each nibble.
inline int EvenSigns(int seven) {
  const int odd = 0x6996 >> ((seven ^ seven >> 4) & 15) & 1;
  return seven | odd << 7;
}

template <class F>
struct Codebook {
  float level[F::kRun][F::kPoints];  // places first: searches run over points

  Codebook() {
    float point[F::kPoints][F::kRun];
    F::FillBook(point);
    for (size_t p = 0; p < F::kPoints; ++p) {
      for (size_t i = 0; i < F::kRun; ++i) level[i][p] = point[p][i];
    }
  }
};

// What Encode decides of a super-block.
struct PointBlock {
  uint8_t scale[16];    // code, per group
  uint16_t point[128];  // per run
  uint8_t signs[32];    // per 8 weights, where not kInPoints
};

// One group's runs against all points.
template <class F>
class PointSearch {
 public:
  static constexpr size_t kRuns = F::kGroup / F::kRun, kHalf = F::kPoints / F::kHalves;

  PointSearch(const Codebook<F>& book, const float* x, const float* w)
      : furthest_(FurthestWeight(x, F::kGroup)) {
    float target[F::kGroup];
    for (size_t i = 0; i < F::kGroup; i += 8) SetSigns(x + i, w + i, i / 8, target + i);
    for (size_t r = 0; r < kRuns; ++r) {
      for (size_t p = 0; p < F::kPoints; ++p) dot_[r][p] = norm_[r][p] = 0;
      for (size_t i = 0; i < F::kRun; ++i) {
        const float weight = w[r * F::kRun + i], product = weight * target[r * F::kRun + i];
        for (size_t p = 0; p < F::kPoints; ++p) {
          const float level = book.level[i][p];
          dot_[r][p] += product * level;
          norm_[r][p] += weight * level * level;
        }
      }
    }
  }
  const uint8_t* signs() const { return signs_; }

  // The nearest points within a half, and the weighted squared error less that of all zeros.
  float Choose(float scale, size_t half, uint16_t* point) const {
    float error = 0;
    for (size_t r = 0; r < kRuns; ++r) error += ChooseRun(scale, half, r, point + r);
    return error;
  }

  // The scale that is best if it may be any number; NaN if a weight is not finite.
  float IdealScale() const {
    if (!(__builtin_fabsf(furthest_) > 0)) return furthest_;
    float best_scale = 0, best_gain = 0;
    for (int step = -8; step <= 8; step += 2) {
      const float scale = __builtin_fabsf(furthest_) / (F::kTop * (1.f + 0.1f * static_cast<float>(step)));
      for (size_t half = 0; half < F::kHalves; ++half) {
        Refit(scale, half, &best_scale, &best_gain);
        if (F::Multiplier(0) < 0) Refit(-scale, half, &best_scale, &best_gain);
      }
    }
    return best_scale;
  }

 private:
  // Of equally near points the first.
  float ChooseRun(float scale, size_t half, size_t r, uint16_t* point) const {
    static_assert(kHalf % 8 == 0);
    Floats8 least = __builtin_inff() - Floats8{};
    Ints8 at = {}, here = {0, 1, 2, 3, 4, 5, 6, 7};
    for (size_t p = half * kHalf; p < (half + 1) * kHalf; p += 8) {
      Floats8 dot, norm;
      __builtin_memcpy(&dot, dot_[r] + p, sizeof dot);
      __builtin_memcpy(&norm, norm_[r] + p, sizeof norm);
      const Floats8 error = scale * (scale * norm - 2.f * dot);
      const Ints8 nearer = error < least;
      at = (at & ~nearer) | (here & nearer);
      least = reinterpret_cast<Floats8>((reinterpret_cast<Ints8>(least) & ~nearer) |
                                        (reinterpret_cast<Ints8>(error) & nearer));
      here += 8;
    }
    float best = __builtin_inff();
    int first = 0;
    for (size_t l = 0; l < 8; ++l) {
      if (!(least[l] < best) && !(least[l] == best && at[l] < first)) continue;
      best = least[l];
      first = at[l];
    }
    *point = static_cast<uint16_t>(half * kHalf + static_cast<size_t>(first));
    return best;
  }

  // The best scale for the points that `scale` chooses takes xq^2 / qq off the squared error.
  void Refit(float scale, size_t half, float* best_scale, float* best_gain) const {
    uint16_t point[kRuns];
    Choose(scale, half, point);
    float xq = 0, qq = 0;
    for (size_t r = 0; r < kRuns; ++r) {
      xq += dot_[r][point[r]];
      qq += norm_[r][point[r]];
    }
    if (!(qq > 0) || !(xq * scale > 0) || !(xq * xq / qq > *best_gain)) return;
    *best_scale = xq / qq;
    *best_gain = xq * xq / qq;
  }

  void SetSigns(const float* x, const float* w, size_t byte, float* target) {
    size_t cheapest = 0;
    int signs = 0;
    for (size_t i = 0; i < 8; ++i) {
      const bool negative = F::kSigns != Signs::kInPoints && x[i] < 0;
      target[i] = negative ? -x[i] : x[i];
      signs |= (negative ? 1 : 0) << i;
      if (w[i] * x[i] * x[i] < w[cheapest] * x[cheapest] * x[cheapest]) cheapest = i;
    }
    if (F::kSigns == Signs::kEven && EvenSigns(signs & 127) != signs) {
      signs ^= 1 << cheapest;
      target[cheapest] = -target[cheapest];
    }
    signs_[byte] = static_cast<uint8_t>(signs);
  }

  float furthest_;
  float dot_[kRuns][F::kPoints], norm_[kRuns][F::kPoints];  // of the weighted squared error
  uint8_t signs_[F::kGroup / 8];
};

// d with which the furthest ideal scale has the furthest multiplier: the last one, or if they are signed the
// first. NaN if any weight is not finite.
template <class F>
inline float FitPointScale(const Codebook<F>& book, const float* x, const RowImportance& shares, size_t n,
                           float* ideal = nullptr) {
  float furthest = 0, probe = 0, w[F::kGroup];
  for (size_t first = 0; first < n; first += F::kGroup) {
    shares.Fill(first, F::kGroup, w);
    const float scale = PointSearch<F>(book, x + first, w).IdealScale();
    if (ideal != nullptr) ideal[first / F::kGroup] = scale;
    furthest = __builtin_fabsf(scale) > __builtin_fabsf(furthest) ? scale : furthest;
    probe += scale * 0.f;
  }
  return furthest / F::Multiplier(F::Multiplier(0) < 0 ? 0 : F::kScaleCodes - 1) + probe;
}

// Whether a code's scale is within a few steps of the ideal one; of a block that is all zeros, all are.
template <class F>
inline bool IsNear(int code, float d, float ideal) {
  constexpr float kSteps = 3.5f;
  const float step = d * (F::Multiplier(1) - F::Multiplier(0));
  return !(__builtin_fabsf(d * F::Multiplier(code) - ideal) > kSteps * __builtin_fabsf(step));
}

// Scales, points and signs, d being given. `ideal`: of each group, or nullptr, and all scales are tried.
template <class F>
inline void FitPoints(const Codebook<F>& book, const float* x, const float* w, float d, PointBlock* out,
                      const float* ideal = nullptr) {
  constexpr size_t kRuns = F::kGroup / F::kRun;
  for (size_t g = 0; g < kSuperBlock / F::kGroup; ++g) {
    const PointSearch<F> search(book, x + g * F::kGroup, w + g * F::kGroup);
    float best = __builtin_inff();
    out->scale[g] = 0;
    search.Choose(0, 0, out->point + g * kRuns);
    for (int code = 0; code < F::kScaleCodes; ++code) {
      if (ideal != nullptr && !IsNear<F>(code, d, ideal[g])) continue;
      for (size_t half = 0; half < F::kHalves; ++half) {
        uint16_t point[kRuns];
        const float error = search.Choose(d * F::Multiplier(code), half, point);
        if (!(error < best)) continue;
        best = error;
        out->scale[g] = static_cast<uint8_t>(code);
        for (size_t r = 0; r < kRuns; ++r) out->point[g * kRuns + r] = point[r];
      }
    }
    for (size_t i = 0; i < F::kGroup / 8; ++i) out->signs[g * F::kGroup / 8 + i] = search.signs()[i];
  }
}

// For books packed as kBits per weight, the first weight lowest, that index a table of levels.
template <class F>
inline void FillPackedBook(float (*level)[F::kRun]) {
  for (size_t p = 0; p < F::kPoints; ++p) {
    for (size_t i = 0; i < F::kRun; ++i) {
      level[p][i] = static_cast<float>(F::kLevels[F::kGrid[p] >> i * F::kBits & ((1 << F::kBits) - 1)]);
    }
  }
}

// Encode, of formats with an f16 d in the block.
template <class F>
inline void EncodePoints(const float* x, const float* w, typename F::Block& b) {
  const Codebook<F> book;
  float ideal[kSuperBlock / F::kGroup];
  b.d = F32ToF16(FitPointScale<F>(book, x, RowImportance(w, kSuperBlock), kSuperBlock, ideal));
  PointBlock points;
  FitPoints<F>(book, x, w, F16ToF32(b.d), &points, ideal);
  F::PackPoints(points, &b);
}

// A run of magnitudes times `scale`, with the signs of `signs`' low bits.
template <class F>
inline void DecodeRun(float scale, size_t point, int signs, float* x) {
  const int packed = F::kGrid[point];
  for (size_t i = 0; i < F::kRun; ++i) {
    const float y = scale * static_cast<float>(F::kLevels[packed >> i * F::kBits & ((1 << F::kBits) - 1)]);
    x[i] = signs >> i & 1 ? -y : y;
  }
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
