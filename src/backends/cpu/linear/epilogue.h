#pragma once
// What happens to a tile once its sums are done: bias, gate, residual, then f32 or quantized output. Written
// once over Simd. Compiled once per ISA: see kernel_table.h.

#include "backends/cpu/linear/int_tiles.h"
#include "ops/quantized_rows.h"

namespace tern::TERN_ISA_NS {
namespace {

using F32 = Simd::F32;
constexpr int kRowVectors = kPanelWidth / Simd::kLanes;

// e^x to about 1 ulp, for x clamped to -87..88. x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 is split so that n
// times its upper part is exact; e^r by its Taylor series, whose next term is below 6e-9.
TERN_INLINE F32 Exp(F32 x) {
  x = Simd::Min(Simd::Max(x, Simd::Set(-87.0f)), Simd::Set(88.0f));
  const auto n = Simd::ToInt(Simd::Mul(x, Simd::Set(1.44269504f)));
  const F32 f = Simd::ToFloat(n);
  F32 r = Simd::NegMulAdd(f, Simd::Set(0x1.62ep-1f), x);
  r = Simd::NegMulAdd(f, Simd::Set(0x1.0bfbe8p-15f), r);
  F32 p = Simd::Set(1.0f / 5040);
  constexpr float kInverseFactorials[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
  TERN_UNROLL
  for (int i = 0; i < 7; ++i) p = Simd::MulAdd(p, r, Simd::Set(kInverseFactorials[i]));
  return Simd::Mul(p, Simd::Exp2(n));
}

TERN_INLINE F32 Silu(F32 x) {
  const F32 one = Simd::Set(1);
  return Simd::Div(x, Simd::Add(one, Exp(Simd::Sub(Simd::Set(0), x))));
}

// x/2 (1 + tanh u) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3).
TERN_INLINE F32 GeluTanh(F32 x) {
  const F32 cube = Simd::Mul(Simd::Mul(x, x), x);
  const F32 inner = Simd::MulAdd(cube, Simd::Set(0.044715f), x);
  const F32 minus_two_u = Simd::Mul(inner, Simd::Set(-1.59576912f));
  return Simd::Div(x, Simd::Add(Simd::Set(1), Exp(minus_two_u)));
}

// x Phi(x), Phi(x) = erfc(-x / sqrt 2) / 2. For z >= 0, erfc(z) = e^(-z^2) P(t), t = 1 / (1 + 0.4 z); P was
// fitted on z <= 9.5 by weighted least squares to a relative error of 1.3e-9.
TERN_INLINE F32 Gelu(F32 x) {
  constexpr float kP[] = {-0.03944125599f, 0.2547984007f, -0.6422760324f,  0.7561676323f,
                          -0.4776982696f,  0.3909743014f, 0.08057380496f,  0.2283471229f,
                          0.2226272665f,   0.2259369054f, -9.874878589e-6f};
  const F32 z = Simd::Mul(Simd::Abs(x), Simd::Set(0.707106781f));
  const F32 t = Simd::Div(Simd::Set(1), Simd::MulAdd(z, Simd::Set(0.4f), Simd::Set(1)));
  F32 p = Simd::Set(kP[0]);
  TERN_UNROLL
  for (int i = 1; i < 11; ++i) p = Simd::MulAdd(p, t, Simd::Set(kP[i]));
  const F32 tail = Simd::Mul(Simd::Mul(p, Simd::Set(0.5f)), Exp(Simd::Sub(Simd::Set(0), Simd::Mul(z, z))));
  return Simd::Mul(x, Simd::SelectNegative(x, tail, Simd::Sub(Simd::Set(1), tail)));
}

// GPT-OSS: the gate clamped from above, up on both sides. NaN stays NaN: it is the second operand.
TERN_INLINE F32 SwigluOai(const EpilogueArgs& a, F32 gate, F32 up) {
  const F32 one = Simd::Set(1), limit = Simd::Set(a.limit);
  gate = Simd::Min(limit, gate);
  up = Simd::Max(Simd::Set(-a.limit), Simd::Min(limit, up));
  const F32 sigmoid_below = Simd::Add(one, Exp(Simd::Mul(gate, Simd::Set(-a.alpha))));
  return Simd::Mul(Simd::Div(gate, sigmoid_below), Simd::Add(up, one));
}

// kGlu: 1 silu, 2 gelu_tanh, 3 gelu, 4 relu, 5 swiglu_oai.
template <int kGlu>
TERN_INLINE F32 Gate(const EpilogueArgs& a, F32 gate, F32 up) {
  if constexpr (kGlu == 1) return Simd::Mul(Silu(gate), up);
  if constexpr (kGlu == 2) return Simd::Mul(GeluTanh(gate), up);
  if constexpr (kGlu == 3) return Simd::Mul(Gelu(gate), up);
  if constexpr (kGlu == 4) return Simd::Mul(Simd::Max(Simd::Set(0), gate), up);
  return SwigluOai(a, gate, up);
}

// The finished values of row m, in place in the tile. Reads of a short last panel stop at its last channel.
template <int kGlu>
TERN_INLINE void FinishRow(const EpilogueArgs& a, int m) {
  float* row = a.tile + m * kPanelWidth;
  const uint8_t* residual =
      reinterpret_cast<const uint8_t*>(a.residual) + static_cast<size_t>(m) * a.residual_stride;
  float rest[kPanelWidth] = {};
  if (a.residual != nullptr) __builtin_memcpy(rest, residual, static_cast<size_t>(a.channels) * 4);
  TERN_UNROLL
  for (int v = 0; v < kRowVectors; ++v) {
    const int c = v * Simd::kLanes;
    F32 y = Simd::Load(row + c);
    if (a.row_scale != nullptr) y = Simd::Mul(y, Simd::Set(a.row_scale[m]));
    if (a.bias != nullptr) y = Simd::Add(y, Simd::Load(a.bias + c));
    if constexpr (kGlu != 0) {
      F32 gate = Simd::Load(a.gate + m * kPanelWidth + c);
      if (a.row_scale != nullptr) gate = Simd::Mul(gate, Simd::Set(a.row_scale[m]));
      if (a.gate_bias != nullptr) gate = Simd::Add(gate, Simd::Load(a.gate_bias + c));
      y = Gate<kGlu>(a, gate, y);
    }
    if (a.residual != nullptr) y = Simd::Add(y, Simd::Load(rest + c));
    Simd::Store(row + c, y);
  }
}

template <int kGlu>
void FloatEpilogue(const EpilogueArgs& a) {
  for (int m = 0; m < a.rows; ++m) {
    FinishRow<kGlu>(a, m);
    const float* row = a.tile + m * kPanelWidth;
    uint8_t* y = a.y + static_cast<size_t>(m) * a.y_stride;
    __builtin_memcpy(y, row, static_cast<size_t>(a.channels) * 4);
  }
}

// One row of the tile as one group of a quantized row: bit for bit what QuantizeRow (ops/quantized_rows.h)
// makes of it.
template <bool kPrecise>
TERN_INLINE void QuantizeGroup(const EpilogueArgs& a, const float* row, uint8_t* y) {
  auto bits = Simd::AbsBits(Simd::Load(row));
  TERN_UNROLL
  for (int v = 1; v < kRowVectors; ++v) {
    bits = Simd::MaxInt(bits, Simd::AbsBits(Simd::Load(row + v * Simd::kLanes)));
  }
  const auto [scale, inverse] = GroupScaleOf(Simd::MaxOfAll(bits), 127.f);
  __builtin_memcpy(y + a.scale, &scale, 4);
  int sum_hi[2] = {}, sum[2] = {};
  TERN_UNROLL
  for (int v = 0; v < kRowVectors; ++v) {
    const int c = v * Simd::kLanes, half = c / 16;
    // Values that are not finite have no code: a product with zero would be NaN.
    const F32 t = inverse == 0 ? Simd::Set(0) : Simd::Mul(Simd::Load(row + c), Simd::Set(inverse));
    const auto hi = Simd::ToInt(t);
    Simd::StoreI8(y + a.hi + c, hi);
    sum_hi[half] += Simd::SumOfAll(hi);
    if constexpr (kPrecise) {
      const auto lo = Simd::ToInt(Simd::Mul(Simd::Set(128), Simd::Sub(t, Simd::ToFloat(hi))));
      Simd::StoreI8(y + a.lo + c, lo);
      sum[half] += Simd::SumOfAll(lo);
    }
  }
  __builtin_memcpy(y + a.sum_hi, sum_hi, 8);
  if constexpr (kPrecise) {
    sum[0] += 128 * sum_hi[0];
    sum[1] += 128 * sum_hi[1];
    __builtin_memcpy(y + a.sum, sum, 8);
  }
}

template <int kGlu, bool kPrecise>
void QuantizeEpilogue(const EpilogueArgs& a) {
  for (int m = 0; m < a.rows; ++m) {
    FinishRow<kGlu>(a, m);
    QuantizeGroup<kPrecise>(a, a.tile + m * kPanelWidth, a.y + static_cast<size_t>(m) * a.y_stride);
  }
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
