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

// d for codes -half .. half - 1 of n weights. The sign of d puts the furthest weight on the longer side.
inline float SearchScale(const float* x, const float* w, size_t n, int half) {
  const float furthest = FurthestWeight(x, n);
  if (!(__builtin_fabsf(furthest) > 0)) return furthest;
  float best_d = 0, best_gain = 0;
  for (int step = -10; step <= 12; ++step) {
    const float inverse = -(static_cast<float>(half) + 0.1f * static_cast<float>(step)) / furthest;
    float xq = 0, qq = 0;
    for (size_t i = 0; i < n; ++i) {
      const float q = static_cast<float>(NearestCode(x[i] * inverse, -half, half - 1));
      xq += w[i] * x[i] * q;
      qq += w[i] * q * q;
    }
    // For these codes d = xq / qq is best and takes xq^2 / qq off the squared error.
    const float gain = qq > 0 ? xq * xq / qq : 0;
    if (gain > best_gain) {
      best_gain = gain;
      best_d = xq / qq;
    }
  }
  return best_d;
}

inline float Sum8(const float* x) {
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

struct Affine {
  float d, minimum;  // weight = d * code - minimum
};

// Squared error that remains when codes 0..top are chosen best for `fit`.
inline float AffineError(const float* x, const float* w, size_t n, int top, Affine fit) {
  const float inverse = Inverse(fit.d);
  float error[8] = {};
  for (size_t i = 0; i < n; i += 8) {
    for (size_t l = 0; l < 8; ++l) {
      const float y = x[i + l] + fit.minimum;
      const float miss = y - fit.d * static_cast<float>(NearestCode(y * inverse, 0, top));
      error[l] += w[i + l] * miss * miss;
    }
  }
  return Sum8(error);
}

// Least squares over d and minimum for the codes that `from` gives.
inline Affine RefitAffine(const float* x, const float* w, size_t n, int top, Affine from,
                          bool minimum_above_zero) {
  const float inverse = Inverse(from.d);
  float count = 0, q_sum = 0, qq = 0, y_sum = 0,
        yq = 0;  // y = x + minimum: small numbers, so nothing cancels
  for (size_t i = 0; i < n; ++i) {
    const float y = x[i] + from.minimum;
    const float q = static_cast<float>(NearestCode(y * inverse, 0, top));
    count += w[i];
    q_sum += w[i] * q;
    qq += w[i] * q * q;
    y_sum += w[i] * y;
    yq += w[i] * y * q;
  }
  const float determinant = count * qq - q_sum * q_sum;
  if (!(determinant > 0)) return from;
  Affine fit = {(count * yq - y_sum * q_sum) / determinant,
                from.minimum - (qq * y_sum - q_sum * yq) / determinant};
  if (minimum_above_zero && fit.minimum < 0) fit = {(yq - from.minimum * q_sum) / qq, 0};
  return fit;
}

// d and minimum for codes 0..top of n weights; NaNs if any weight is not finite.
inline Affine SearchAffine(const float* x, const float* w, size_t n, int top, bool minimum_above_zero) {
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
  for (int step = -10; step <= 12; ++step) {
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
