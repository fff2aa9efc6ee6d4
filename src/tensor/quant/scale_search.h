#pragma once
// Scales for block formats: for a run of weights x and what their squared errors count for, w, the scale (and
// minimum) whose rounded codes leave the least weighted squared error. A grid of scales around "the largest
// weight gets the largest code" is tried; for the codes that each gives, least squares has a closed form.

#include "tensor/quant/codec.h"

namespace tern::TERN_ISA_NS {
namespace {

// Nearest integer in [lo, hi], ties to even; a NaN gives lo. |lo| and |hi| are below 2^22: there, adding 1.5
// * 2^23 leaves the integer in the low mantissa bits.
inline int NearestCode(float x, int lo, int hi) {
  const float low = static_cast<float>(lo), high = static_cast<float>(hi);
  const float above = x > low ? x : low;
  const float inside = above < high ? above : high;
  const float shifted = inside + 0x1.8p23f;
  return static_cast<int>(__builtin_bit_cast(uint32_t, shifted) & 0x7fffffu) - 0x400000;
}

// The same as a float.
inline float NearestNumber(float x, float low, float high) {
  const float above = x > low ? x : low;
  const float inside = above < high ? above : high;
  return (inside + 0x1.8p23f) - 0x1.8p23f;
}

// Sums run in 8 lanes: vectors of any ISA then give the same bits.
inline float Sum8(const float* x) {
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

inline float Inverse(float d) { return d != 0 ? 1.f / d : 0.f; }

// The weight furthest from zero, with its sign; NaN if any weight is not finite.
inline float FurthestWeight(const float* x, size_t n) {
  float furthest = 0, probe = 0;
  for (size_t i = 0; i < n; ++i) {
    furthest = __builtin_fabsf(x[i]) > __builtin_fabsf(furthest) ? x[i] : furthest;
    probe += x[i] * 0.f;
  }
  return furthest + probe;
}

// d for codes -half .. half - 1 of n weights. The sign of d puts the furthest weight on the longer side, up
// to last_step / 10 beyond its end: the more weights share d, the further.
inline float SearchScale(const float* x, const float* w, size_t n, int half, int last_step = 12) {
  const float furthest = FurthestWeight(x, n);
  if (!(__builtin_fabsf(furthest) > 0)) return furthest;
  const float low = static_cast<float>(-half), high = static_cast<float>(half - 1);
  float best_d = 0, best_gain = 0;
  for (int step = -10; step <= last_step; ++step) {
    const float inverse = -(static_cast<float>(half) + 0.1f * static_cast<float>(step)) / furthest;
    float xq_lanes[8] = {}, qq_lanes[8] = {};
    for (size_t i = 0; i < n; i += 8) {
      for (size_t l = 0; l < 8; ++l) {
        const float q = NearestNumber(x[i + l] * inverse, low, high), wq = w[i + l] * q;
        xq_lanes[l] += wq * x[i + l];
        qq_lanes[l] += wq * q;
      }
    }
    const float xq = Sum8(xq_lanes), qq = Sum8(qq_lanes);
    // For these codes d = xq / qq is best and takes xq^2 / qq off the squared error.
    const float gain = qq > 0 ? xq * xq / qq : 0;
    if (gain > best_gain) {
      best_gain = gain;
      best_d = xq / qq;
    }
  }
  return best_d;
}

struct Affine {
  float d, minimum;  // weight = d * code - minimum
};

// Squared error that remains when codes 0..top are chosen best for `fit`.
inline float AffineError(const float* x, const float* w, size_t n, int top, Affine fit) {
  const float inverse = Inverse(fit.d), high = static_cast<float>(top);
  float error[8] = {};
  for (size_t i = 0; i < n; i += 8) {
    for (size_t l = 0; l < 8; ++l) {
      const float y = x[i + l] + fit.minimum;
      const float miss = y - fit.d * NearestNumber(y * inverse, 0, high);
      error[l] += w[i + l] * miss * miss;
    }
  }
  return Sum8(error);
}

// Least squares over d and minimum for the codes that `from` gives.
inline Affine RefitAffine(const float* x, const float* w, size_t n, int top, Affine from,
                          bool minimum_above_zero) {
  const float inverse = Inverse(from.d), high = static_cast<float>(top);
  float lanes[5][8] = {};
  for (size_t i = 0; i < n; i += 8) {
    for (size_t l = 0; l < 8; ++l) {
      const float y = x[i + l] + from.minimum;  // small numbers, so nothing cancels
      const float q = NearestNumber(y * inverse, 0, high), wq = w[i + l] * q;
      lanes[0][l] += w[i + l];
      lanes[1][l] += wq;
      lanes[2][l] += wq * q;
      lanes[3][l] += w[i + l] * y;
      lanes[4][l] += wq * y;
    }
  }
  const float count = Sum8(lanes[0]), q_sum = Sum8(lanes[1]), qq = Sum8(lanes[2]), y_sum = Sum8(lanes[3]),
              yq = Sum8(lanes[4]);
  const float determinant = count * qq - q_sum * q_sum;
  if (!(determinant > 0)) return from;
  Affine fit = {(count * yq - y_sum * q_sum) / determinant,
                from.minimum - (qq * y_sum - q_sum * yq) / determinant};
  if (minimum_above_zero && fit.minimum < 0) fit = {(yq - from.minimum * q_sum) / qq, 0};
  return fit;
}

// d and minimum for codes 0..top of n weights; NaNs if any weight is not finite.
inline Affine SearchAffine(const float* x, const float* w, size_t n, int top, bool minimum_above_zero,
                           int last_step = 12) {
  float low = x[0], high = x[0];
  for (size_t i = 1; i < n; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
  if (minimum_above_zero && low > 0) low = 0;
  const float probe = FurthestWeight(x, n) * 0.f;
  Affine best = {(high - low) / static_cast<float>(top) + probe, -low + probe};
  if (!(best.d > 0)) return best;
  float best_error = AffineError(x, w, n, top, best);
  for (int step = -10; step <= last_step; ++step) {
    Affine fit = {(high - low) / (static_cast<float>(top) + 0.1f * static_cast<float>(step)), -low};
    fit = RefitAffine(x, w, n, top, fit, minimum_above_zero);
    const float error = AffineError(x, w, n, top, fit);
    if (error < best_error) {
      best_error = error;
      best = fit;
    }
  }
  return best;
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
