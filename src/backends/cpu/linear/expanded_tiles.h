#pragma once
// Tiles for many rows, over expanded panels (expanded_layout.h). Bit for bit what the tiles
// of int_tiles.h compute. For ISAs whose 32 registers hold a tile of kExpandedRows rows; included by one .cc
// per ISA, after int_tiles.h.

#include "backends/cpu/linear/expanded_layout.h"
#include "backends/cpu/linear/int_tiles.h"
#include "backends/cpu/linear/sparse_tiles.h"

namespace tern::TERN_ISA_NS {
namespace {

template <class L, int q>
TERN_INLINE void ExpandQuads(const uint8_t* codes, uint8_t* out) {
  if constexpr (q < kStep / 4) {
    for (int part = 0; part < kParts; ++part) {
      Simd::U8 w[2];
      LoadCodes<L, q>({codes, nullptr}, part, w);
      uint8_t* to = out + static_cast<size_t>(q) * 128 + static_cast<size_t>(part) * kVectorBytes;
      Simd::Store(to, w[0]);
      Simd::Store(to + 64, w[1]);
    }
    ExpandQuads<L, q + 1>(codes, out);
  }
}

template <class L, bool kPrecise, bool kMin, int g>
TERN_INLINE void ExpandScales(const typename IntTile<L, 1, kPrecise>::At& at, float* out) {
  for (int part = 0; part < kParts; ++part) {
    for (int h = 0; h < 2; ++h) {
      const Simd::F32 scale = IntTile<L, 1, kPrecise>::template Scale<g, kMin>(at, part, h);
      Simd::Store(out + g * kPanelWidth + 16 * h + part * Simd::kLanes, scale);
    }
  }
}

// Of pairs of quads p .. 3.
template <class S, int p>  // Simd, where it can spread
TERN_INLINE void ExpandSparse(const uint8_t* step, uint8_t* out) {
  if constexpr (p < 4) {
    for (int h = 0; h < 2; ++h) {
      const Simd::U8 places = Simd::And(Simd::Shift<-2 * p>(Simd::Load(step + 64 * h)), Simd::Set8(3));
      const Simd::U8 weights = Simd::Load(step + 128 * (p + 1) + 64 * h);
      Simd::Store(out + 256 * p + 64 * h, Simd::FromMiddle(S::template Spread<0>(weights, places)));
      Simd::Store(out + 256 * p + 128 + 64 * h, Simd::FromMiddle(S::template Spread<2>(weights, places)));
    }
    ExpandSparse<S, p + 1>(step, out);
  }
}

template <class L, bool kPrecise>
void ExpandSparsePanel(const uint8_t* panel, int steps, uint8_t* out) {
  Simd::F32 scale[2];
  for (int h = 0; h < 2; ++h) scale[h] = SparseTile<L, 1, kPrecise>::Scale(panel, 16 * h);
  panel += L::k.lead_bytes();
  for (int step = 0; step < steps; ++step) {
    for (int h = 0; h < 2; ++h) Simd::Store(reinterpret_cast<float*>(out) + 16 * h, scale[h]);
    ExpandSparse<Simd, 0>(panel, out + ExpandedOf(L::k).header_bytes());
    panel += L::k.step_bytes();
    out += ExpandedOf(L::k).step_bytes();
  }
}

template <class L, bool kPrecise>
void ExpandPanel(const uint8_t* panel, int steps, uint8_t* out) {
  constexpr PanelLayout k = L::k;
  constexpr ExpandedLayout kTo = ExpandedOf(k);
  typename IntTile<L, 1, kPrecise>::At at{};
  at.header = panel;
  for (int step = 0; step < steps; ++step) {
    if (k.two_level && step % kSuperSteps == 0) {
      at.super = at.header;
      at.header += k.super_bytes();
    }
    float* scales = reinterpret_cast<float*>(out);
    ExpandScales<L, kPrecise, false, 0>(at, scales);
    if constexpr (k.group == 16) ExpandScales<L, kPrecise, false, 1>(at, scales);
    if constexpr (k.has_min) {
      float* mins = scales + k.groups() * kPanelWidth;
      ExpandScales<L, kPrecise, true, 0>(at, mins);
      if constexpr (k.group == 16) ExpandScales<L, kPrecise, true, 1>(at, mins);
    }
    ExpandQuads<L, 0>(at.header + k.header_bytes(), out + kTo.header_bytes());
    at.header += k.step_bytes();
    out += kTo.step_bytes();
  }
}

// A row's sums as seeds or floats.
template <class L>
void ExpandSums(const uint8_t* sums, int steps, uint8_t* out) {
  constexpr PanelLayout k = L::k;
  for (int i = 0; i < 2 * steps; i += Simd::kLanes, sums += kVectorBytes, out += kVectorBytes) {
    Simd::I32 sum = Simd::LoadInts(sums);
    if constexpr (k.group == 32) sum = Simd::Add(sum, Simd::SwapPairs(sum));
    if constexpr (k.has_min) {
      Simd::Store(reinterpret_cast<float*>(out), Simd::ToFloat(sum));
    } else {
      Simd::StoreInts(out, Simd::Sub(Simd::Zero(), Simd::template ShiftLeft<Log2(k.zero)>(sum)));
    }
  }
}

// The same pointer, as if it were another: or GCC keeps all that it loaded on the stack for the second use.
TERN_INLINE const uint8_t* Anew(const uint8_t* p) {
  asm("" : "+r"(p));
  return p;
}

template <int kGroups, bool kMin, bool kPrecise>
struct ExpandedTile {
  static constexpr ExpandedLayout k{kGroups, kMin};
  static constexpr int kRows = kExpandedRows, kQuads = kStep / 4 / kGroups;

  // A step, as the loop below walks it.
  struct At {
    const uint8_t* panel;
    const uint8_t* scale;  // the first row's, at this step
    const uint8_t* hi;
    const uint8_t* sums;
  };

  // acc[m] += codes . x[m] for a group's quads; x: the first row's codes.
  static TERN_INLINE void Dots(const uint8_t* codes, const uint8_t* x, size_t stride, Simd::I32 (*acc)[2]) {
    TERN_UNROLL
    for (int q = 0; q < kQuads; ++q) {
      const Simd::U8 w0 = Simd::Load(codes + q * 128), w1 = Simd::Load(codes + q * 128 + 64);
      TERN_UNROLL
      for (int m = 0; m < kRows; ++m) {
        const Simd::I32 quad = Simd::Broadcast(x + static_cast<size_t>(m) * stride + 4 * q);
        acc[m][0] = Simd::template Dot<8>(acc[m][0], w0, quad);
        acc[m][1] = Simd::template Dot<8>(acc[m][1], w1, quad);
      }
    }
  }

  static TERN_INLINE Simd::I32 Seed(const ExpandedTileArgs& a, const At& at, int g, int m) {
    return Simd::Broadcast(at.sums + static_cast<size_t>(m) * a.sum_stride + 4 * g);
  }

  template <int g>
  static TERN_INLINE void GroupDots(const ExpandedTileArgs& a, const At& at, Simd::I32 (*dot)[2]) {
    const uint8_t* codes = at.panel + k.header_bytes() + g * kQuads * 128;
    const uint8_t* hi = at.hi + g * kQuads * 4;
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      dot[m][0] = dot[m][1] = kPrecise || kMin ? Simd::Zero() : Seed(a, at, g, m);
    }
    Dots(codes, hi, a.row_stride, dot);
    if constexpr (!kPrecise) return;
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      TERN_UNROLL
      for (int h = 0; h < 2; ++h) {
        dot[m][h] = Simd::template ShiftLeft<7>(dot[m][h]);
        if constexpr (!kMin) dot[m][h] = Simd::Add(dot[m][h], Seed(a, at, g, m));
      }
    }
    Dots(Anew(codes), hi + a.lo, a.row_stride, dot);
  }

  // What group g adds to a row's 16 channels from 16 h on, on top of `before`: the group before.
  template <int g>
  struct Scales {
    Simd::F32 scale, min;
    TERN_INLINE Scales(const At& at, int h) {
      const float* header = reinterpret_cast<const float*>(at.panel) + g * kPanelWidth + 16 * h;
      scale = Simd::Load(header);
      min = kMin ? Simd::Load(header + kGroups * kPanelWidth) : scale;
    }
    TERN_INLINE Simd::F32 Apply(const ExpandedTileArgs& a, const At& at, int m, Simd::I32 dot,
                                Simd::F32 before) const {
      const Simd::F32 product = Simd::ToFloat(dot);
      const Simd::F32 y = g == 0 ? Simd::Mul(scale, product) : Simd::MulAdd(scale, product, before);
      if constexpr (!kMin) return y;
      return Simd::NegMulAdd(min, SetAt(at.sums + static_cast<size_t>(m) * a.sum_stride + 4 * g), y);
    }
  };
  static TERN_INLINE Simd::F32 SetAt(const uint8_t* p) {
    float value;
    __builtin_memcpy(&value, p, 4);
    return Simd::Set(value);
  }
  static TERN_INLINE Simd::F32 RowScale(const ExpandedTileArgs& a, const At& at, int m) {
    return SetAt(at.scale + static_cast<size_t>(m) * a.row_stride);
  }

  // One group per step: dots and accumulators fit in the registers.
  static TERN_INLINE void Step(const ExpandedTileArgs& a, const At& at, Simd::F32 (*acc)[2]) {
    Simd::I32 dot[kRows][2];
    GroupDots<0>(a, at, dot);
    TERN_UNROLL
    for (int h = 0; h < 2; ++h) {
      const Scales<0> scales(at, h);
      TERN_UNROLL
      for (int m = 0; m < kRows; ++m) {
        const Simd::F32 y = scales.Apply(a, at, m, dot[m][h], acc[m][h]);
        acc[m][h] = Simd::MulAdd(RowScale(a, at, m), y, acc[m][h]);
      }
    }
  }

  // Two groups: the accumulators wait in the tile.
  static TERN_INLINE void StepOfTwo(const ExpandedTileArgs& a, const At& at) {
    Simd::F32 y[kRows][2];
    Simd::I32 dot[kRows][2];
    GroupDots<0>(a, at, dot);
    TERN_UNROLL
    for (int h = 0; h < 2; ++h) {
      const Scales<0> scales(at, h);
      TERN_UNROLL
      for (int m = 0; m < kRows; ++m) y[m][h] = scales.Apply(a, at, m, dot[m][h], scales.scale);
    }
    GroupDots<1>(a, at, dot);
    TERN_UNROLL
    for (int h = 0; h < 2; ++h) {
      const Scales<1> scales(at, h);
      TERN_UNROLL
      for (int m = 0; m < kRows; ++m) {
        float* acc = a.tile + m * kPanelWidth + 16 * h;
        const Simd::F32 sum = scales.Apply(a, at, m, dot[m][h], y[m][h]);
        Simd::Store(acc, Simd::MulAdd(RowScale(a, at, m), sum, Simd::Load(acc)));
      }
    }
  }

  static void Run(const ExpandedTileArgs& args) {
    const ExpandedTileArgs a = args;
    Simd::F32 acc[kRows][2];
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) acc[m][0] = acc[m][1] = Simd::Set(0);
    if constexpr (kGroups == 2) StoreTile(a.tile, acc);
    At at{a.panel, a.rows, a.rows + a.hi, a.sums};
    const uint8_t* ahead = a.prefetch;
    for (int step = 0; step < a.steps; ++step) {
      ahead = Prefetch(ahead, a.prefetch_lines);
      if constexpr (kGroups == 1) {
        Step(a, at, acc);
      } else {
        StepOfTwo(a, at);
      }
      at.panel += k.step_bytes();
      at.scale += 4;
      at.hi += kStep;
      at.sums += 8;
    }
    if constexpr (kGroups == 1) StoreTile(a.tile, acc);
  }
  static TERN_INLINE void StoreTile(float* tile, Simd::F32 (*acc)[2]) {
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      Simd::Store(tile + m * kPanelWidth, acc[m][0]);
      Simd::Store(tile + m * kPanelWidth + 16, acc[m][1]);
    }
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
