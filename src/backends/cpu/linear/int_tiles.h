#pragma once
// Integer tiles, written once over Simd: rows x 32 channels from a panel (panel_layout.h) and quantized rows
// (ops/quantized_rows.h). Compiled once per ISA: see kernel_table.h.
//
// Per output element, step by step (32 inputs, one activation scale) from first to last, whatever the tile:
//   y = 0, then for the step's one or two groups
//     dot = sum(code * q) - zero * sum(q)            exact, int32
//     y   = fma(scale_w, dot, y)
//     y   = fma(-min_w, sum(q), y)                   with minimums
//   acc = fma(scale_x, y, acc)
// where scale_w = d * sc and min_w = dmin * mn are rounded as the format's decoder rounds them.

#include "backends/cpu/linear/kernels.h"
#include "ops/quantized_rows.h"
#include TERN_ISA_SIMD

namespace tern::TERN_ISA_NS {
namespace {

#define TERN_INLINE inline __attribute__((always_inline))
#define TERN_UNROLL _Pragma("GCC unroll 16")

// What takes a group's largest |x| (its bits, Simd::AbsBits) to `most`, and back. Both 0 below kActTiny; a
// scale of NaN where it is not finite.
struct GroupScale {
  float scale = 0, inverse = 0;
};
TERN_INLINE GroupScale GroupScaleOf(int max_bits, float most) {
  const float max = __builtin_bit_cast(float, max_bits);
  if (max_bits >= 0x7f800000) return {__builtin_nanf(""), 0};
  if (max < kActTiny) return {};
  return {max / most, most / max};
}

// Vectors per 64-byte line; vector p of a line holds lanes p * kLanes.. of channels 0-15 or 16-31.
constexpr int kParts = 16 / Simd::kLanes;
constexpr size_t kVectorBytes = 4 * Simd::kLanes;

// Into L2: what it is for comes after the rest of the panel. Returns the end.
TERN_INLINE const uint8_t* Prefetch(const uint8_t* p, size_t lines) {
  for (size_t i = 0; i < lines; ++i, p += 64) __builtin_prefetch(p, 0, 2);
  return p;
}

template <PanelLayout kLayout>
struct LayoutOf {
  static constexpr PanelLayout k = kLayout;
};

// A step's codes, and where they are in planes the lower ones.
struct Codes {
  const uint8_t* codes;
  const uint8_t* low;
};

// Puts 3 bits of quad q below the 5 in w, from their planes.
template <int q, int bit>
TERN_INLINE void AddLowBits(const uint8_t* low, Simd::U8* w) {
  if constexpr (bit < 3) {
    constexpr int kBit = q % 4 * 2;
    const Simd::U8 line = Simd::Load(low + (q / 4 * 3 + bit) * 64);
    const Simd::U8 mask = Simd::Set8(1 << bit);
    w[0] = Simd::OrAnd(w[0], Simd::Shift<bit - kBit>(line), mask);
    w[1] = Simd::OrAnd(w[1], Simd::Shift<bit - kBit - 1>(line), mask);
    AddLowBits<q, bit + 1>(low, w);
  }
}

// Whether a tile takes bytes with two codes of 4 bits whole: it multiplies low nibbles and bytes, and what
// the bytes' sum is more is 16 times the high nibbles'. For few rows that saves more instructions of taking
// them apart than it costs at the end.
template <class L, int kRows>
constexpr bool kWholeBytes =
    L::k.bits == 4 && !L::k.has_levels() && kRows <= 2 && !Simd::kHasPairs && !Simd::kSigned8;

// The codes of quad q of a step, or their levels: vector `part` of channels 0-15 in w[0], of channels 16-31
// in w[1], or whole bytes there.
template <class L, int q, bool kWhole = false>
TERN_INLINE void LoadCodes(Codes at, int part, Simd::U8* w) {
  constexpr int kBits = L::k.planes ? 5 : L::k.bits;
  const uint8_t* codes = at.codes + static_cast<size_t>(part) * kVectorBytes;
  if constexpr (kBits == 8) {
    w[0] = Simd::Load(codes + q * 128);
    w[1] = Simd::Load(codes + q * 128 + 64);
  } else {
    // 5 and 6 bits: blocks of kSpan quads, led by a line of upper bits.
    constexpr int kSpan = kBits == 5 ? 4 : kBits == 6 ? 2 : 1;
    constexpr size_t kLead = kBits == 4 ? 0 : 64;
    const uint8_t* block = codes + q / kSpan * (kLead + kSpan * 64);
    const Simd::U8 raw = Simd::Load(block + kLead + q % kSpan * 64);
    const Simd::U8 low = Simd::Set8(0x0f);
    w[0] = Simd::And(raw, low);
    w[1] = kWhole ? raw : Simd::And(Simd::Shift<-4>(raw), low);
    if constexpr (kBits != 4) {
      constexpr int kUpper = kBits - 4;
      constexpr int kBit = q % kSpan * 2 * kUpper;
      const Simd::U8 upper = Simd::Load(block);
      const Simd::U8 mask = Simd::Set8(kBits == 5 ? 0x10 : 0x30);
      w[0] = Simd::OrAnd(w[0], Simd::Shift<4 - kBit>(upper), mask);
      w[1] = Simd::OrAnd(w[1], Simd::Shift<4 - kBit - kUpper>(upper), mask);
    }
    if constexpr (L::k.has_levels()) {
      const Simd::U8 levels = Simd::Repeat16(L::k.levels);
      w[0] = Simd::LookUp(levels, w[0]);
      w[1] = Simd::LookUp(levels, w[1]);
    }
    if constexpr (L::k.planes) {
      w[0] = Simd::Shift<3>(w[0]);
      w[1] = Simd::Shift<3>(w[1]);
      AddLowBits<q, 0>(at.low + static_cast<size_t>(part) * kVectorBytes, w);
    }
  }
}

// How products are summed: each lane's four products in 32 bits, or, where that takes an instruction less,
// its two pairs in 16 bits. 16 bits hold kPairQuads quads of both; then Widen adds them up.
template <int kBits>
struct Quads {
  static TERN_INLINE Simd::I32 Add(Simd::I32 acc, Simd::U8 w, Simd::I32 x) {
    return Simd::template Dot<kBits>(acc, w, x);
  }
};
template <class S>  // Simd, where it has pairs
struct Pairs {
  static TERN_INLINE auto Add(typename S::I32 acc, typename S::U8 w, typename S::I32 x) {
    return S::DotPairs(acc, w, x);
  }
};
// Quads of codes below 2^bits times -127..127 whose pairs add up within 16 bits: 2 (2^bits - 1) 127 each.
constexpr int PairQuads(int bits) {
  return !Simd::kHasPairs || bits == 8 ? 0 : bits == 4 ? 8 : bits == 5 ? 4 : 2;
}

// dot[m] += codes . x[m] for quads q .. end-1 of a step; x: the first row's codes of this step. With kLo also
// low[m] += codes . (x + lo)[m].
template <class Sum, class L, int kRows, bool kLo, int q, int end>
TERN_INLINE void DotQuads(Codes codes, int part, const uint8_t* x, size_t lo, size_t stride,
                          Simd::I32 (*dot)[2], Simd::I32 (*low)[2]) {
  if constexpr (q < end) {
    Simd::U8 w[2];
    LoadCodes<L, q, kWholeBytes<L, kRows>>(codes, part, w);
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      const uint8_t* row = x + static_cast<size_t>(m) * stride + 4 * q;
      const Simd::I32 quad = Simd::Broadcast(row);
      dot[m][0] = Sum::Add(dot[m][0], w[0], quad);
      dot[m][1] = Sum::Add(dot[m][1], w[1], quad);
      if constexpr (kLo) {
        const Simd::I32 low_quad = Simd::Broadcast(row + lo);
        low[m][0] = Sum::Add(low[m][0], w[0], low_quad);
        low[m][1] = Sum::Add(low[m][1], w[1], low_quad);
      }
    }
    DotQuads<Sum, L, kRows, kLo, q + 1, end>(codes, part, x, lo, stride, dot, low);
  }
}

// The same by way of pairs, as many quads at a time as 16 bits hold.
template <class S, class L, int kRows, bool kLo, int q, int end>
TERN_INLINE void DotByPairs(Codes codes, int part, const uint8_t* x, size_t lo, size_t stride,
                            Simd::I32 (*dot)[2], Simd::I32 (*low)[2]) {
  if constexpr (q < end) {
    constexpr int kSpan = PairQuads(L::k.value_bits());
    constexpr int kNext = q + kSpan < end ? q + kSpan : end;
    Simd::I32 pairs[kRows][2], low_pairs[kRows][2];
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      pairs[m][0] = pairs[m][1] = low_pairs[m][0] = low_pairs[m][1] = Simd::Zero();
    }
    DotQuads<Pairs<S>, L, kRows, kLo, q, kNext>(codes, part, x, lo, stride, pairs, low_pairs);
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      TERN_UNROLL
      for (int h = 0; h < 2; ++h) {
        dot[m][h] = Simd::Add(dot[m][h], S::Widen(pairs[m][h]));
        if constexpr (kLo) low[m][h] = Simd::Add(low[m][h], S::Widen(low_pairs[m][h]));
      }
    }
    DotByPairs<S, L, kRows, kLo, kNext, end>(codes, part, x, lo, stride, dot, low);
  }
}

// A tile's sums: vector v of a row holds channels 16 (v % 2) + v / 2 * kLanes on.
template <int kRows>
TERN_INLINE void StoreTile(Simd::F32 (*acc)[2 * kParts], float* tile) {
  TERN_UNROLL
  for (int m = 0; m < kRows; ++m) {
    TERN_UNROLL
    for (int v = 0; v < 2 * kParts; ++v) {
      const int channel = v % 2 * 16 + v / 2 * Simd::kLanes;
      Simd::Store(tile + m * kPanelWidth + channel, acc[m][v]);
    }
  }
}

constexpr int Log2(int power) { return power == 1 ? 0 : 1 + Log2(power / 2); }

template <class L, int kRows, bool kPrecise>
struct IntTile {
  static constexpr PanelLayout k = L::k;
  static constexpr int kQuads = k.group / 4;
  // Where Dot counts 8-bit codes from 128, sums are short of 128 per code.
  static constexpr bool kFromMiddle = Simd::kSigned8 && k.value_bits() == 8;
  static constexpr bool kSeeded = kFromMiddle ? k.zero != 128 : k.zero != 0;
  static constexpr bool kWhole = kWholeBytes<L, kRows>;

  // A step, as the loop below walks it. `row` is the first row.
  struct At {
    const uint8_t* super;   // d and dmin (two_level)
    const uint8_t* header;  // scales
    Codes codes;
    const uint8_t* scale;  // the first row's, at this step
    const uint8_t* sums;
    const uint8_t* hi;
  };

  // The sum of a row's activations over group g: one or two sums over 16.
  template <int g>
  static TERN_INLINE Simd::I32 GroupSum(const uint8_t* sums) {
    const Simd::I32 first = Simd::Broadcast(sums + 4 * g);
    return k.group == 32 ? Simd::Add(first, Simd::Broadcast(sums + 4)) : first;
  }

  template <int g>
  static TERN_INLINE Simd::I32 Seed(const uint8_t* sums) {
    const Simd::I32 sum = GroupSum<g>(sums);
    Simd::I32 seed = Simd::Zero();
    if constexpr (kFromMiddle) seed = Simd::template ShiftLeft<7>(sum);
    if constexpr (k.zero != 0) seed = Simd::Sub(seed, Simd::template ShiftLeft<Log2(k.zero)>(sum));
    return seed;
  }

  // Scales (or minimums) of group g: channels 16 h + part * kLanes on.
  template <int g, bool kMin>
  static TERN_INLINE Simd::F32 Scale(const At& at, int part, int h) {
    const size_t channel = static_cast<size_t>(16 * h + part * Simd::kLanes);
    const uint8_t* scales = at.header + (kMin ? k.scale_bytes() : 0);
    Simd::F32 scale;
    if constexpr (!k.two_level) {
      const uint8_t* wide = scales + (g * kPanelWidth + channel) * 2;
      scale = k.wide_scale ? Simd::LoadBf16(wide) : Simd::LoadF16(wide);
    } else {
      const uint8_t* small = scales + g * kPanelWidth + channel;
      const Simd::F32 d = Simd::LoadF16(at.super + (kMin ? 64 : 0) + channel * 2);
      scale = Simd::Mul(d, kMin ? Simd::LoadU8(small) : Simd::LoadI8(small));
    }
    // Precise dots count in units of scale_x / 128.
    return kPrecise ? Simd::Mul(scale, Simd::Set(1.0f / 128)) : scale;
  }

  // dot = codes . q - zero sum(q) of group g.
  template <int g>
  static TERN_INLINE void Dots(const IntTileArgs& a, const At& at, int part, Simd::I32 (*dot)[2]) {
    Simd::I32 low[kRows][2];
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      const Simd::I32 seed = kSeeded ? Seed<g>(at.sums + m * a.row_stride) : Simd::Zero();
      const Simd::I32 high = kWhole && kSeeded ? Simd::Add(seed, Simd::template ShiftLeft<4>(seed)) : seed;
      dot[m][0] = kPrecise ? Simd::Zero() : seed;
      dot[m][1] = kPrecise ? Simd::Zero() : high;
      if constexpr (kPrecise) {
        low[m][0] = seed;
        low[m][1] = high;
      }
    }
    constexpr int kFirst = g * kQuads, kEnd = kFirst + kQuads;
    const size_t lo = a.lo - a.hi;
    if constexpr (PairQuads(k.value_bits()) != 0) {
      DotByPairs<Simd, L, kRows, kPrecise, kFirst, kEnd>(at.codes, part, at.hi, lo, a.row_stride, dot, low);
    } else {
      DotQuads<Quads<kWhole ? 8 : k.value_bits()>, L, kRows, kPrecise, kFirst, kEnd>(
          at.codes, part, at.hi, lo, a.row_stride, dot, low);
    }
    if constexpr (kPrecise) {
      TERN_UNROLL
      for (int m = 0; m < kRows; ++m) {
        dot[m][0] = Simd::Add(Simd::template ShiftLeft<7>(dot[m][0]), low[m][0]);
        dot[m][1] = Simd::Add(Simd::template ShiftLeft<7>(dot[m][1]), low[m][1]);
      }
    }
    if constexpr (kWhole) {
      TERN_UNROLL
      for (int m = 0; m < kRows; ++m) {
        dot[m][1] = Simd::template ShiftRight<4>(Simd::Sub(dot[m][1], dot[m][0]));
      }
    }
  }

  // y += scale_w dot - min_w sum(q) of group g; y starts with group 0.
  template <int g>
  static TERN_INLINE void Group(const IntTileArgs& a, const At& at, int part, Simd::F32 (*y)[2]) {
    Simd::I32 dot[kRows][2];
    Dots<g>(a, at, part, dot);
    TERN_UNROLL
    for (int h = 0; h < 2; ++h) {
      const Simd::F32 scale = Scale<g, false>(at, part, h);
      const Simd::F32 min = k.has_min ? Scale<g, true>(at, part, h) : scale;
      TERN_UNROLL
      for (int m = 0; m < kRows; ++m) {
        const Simd::F32 product = Simd::ToFloat(dot[m][h]);
        y[m][h] = g == 0 ? Simd::Mul(scale, product) : Simd::MulAdd(scale, product, y[m][h]);
        if constexpr (k.has_min) {
          y[m][h] = Simd::NegMulAdd(min, Simd::ToFloat(GroupSum<g>(at.sums + m * a.row_stride)), y[m][h]);
        }
      }
    }
  }

  // One step, one activation group, into acc.
  static TERN_INLINE void Step(const IntTileArgs& a, const At& at, Simd::F32 (*acc)[2 * kParts]) {
    for (int part = 0; part < kParts; ++part) {
      Simd::F32 y[kRows][2];
      Group<0>(a, at, part, y);
      if constexpr (k.group == 16) Group<1>(a, at, part, y);
      TERN_UNROLL
      for (int m = 0; m < kRows; ++m) {
        float x;
        __builtin_memcpy(&x, at.scale + m * a.row_stride, 4);
        TERN_UNROLL
        for (int h = 0; h < 2; ++h) {
          acc[m][2 * part + h] = Simd::MulAdd(Simd::Set(x), y[m][h], acc[m][2 * part + h]);
        }
      }
    }
  }

  static void Run(const IntTileArgs& a) {
    Simd::F32 acc[kRows][2 * kParts];
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      TERN_UNROLL
      for (int v = 0; v < 2 * kParts; ++v) acc[m][v] = Simd::Set(0);
    }
    At at{a.panel, a.panel, {a.panel, a.low}, a.rows, a.rows + (kPrecise ? a.sum : a.sum_hi), a.rows + a.hi};
    const uint8_t* ahead = a.prefetch;
    for (int step = 0; step < a.steps; ++step) {
      ahead = Prefetch(ahead, a.prefetch_lines);
      if (k.two_level && step % kSuperSteps == 0) {
        at.super = at.header;
        at.header += k.super_bytes();
      }
      at.codes.codes = at.header + k.header_bytes();
      Step(a, at, acc);
      at.header += k.step_bytes();
      at.codes.low += k.low_step_bytes();
      at.scale += 4;
      at.sums += 8;
      at.hi += kStep;
    }
    StoreTile<kRows>(acc, a.tile);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
