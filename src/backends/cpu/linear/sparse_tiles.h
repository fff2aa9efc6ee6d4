#pragma once
// Tiles of 2:4 sparse weights (panel_layout.h), written once over Simd. The weights are not expanded: of a
// row's inputs those are picked that a line of weights is multiplied with, by a shuffle within 16 of them.
// That halves the products, needs nothing beyond byte shuffles, and moves 5 bits per weight.
//
// Bit for bit what int_tiles.h would compute of the weights with their zeros.

#include "backends/cpu/linear/int_tiles.h"

namespace tern::TERN_ISA_NS {
namespace {

template <class L, int kRows, bool kPrecise>
struct SparseTile {
  static constexpr PanelLayout k = L::k;
  static constexpr int kPlanes = kPrecise ? 2 : 1;

  // A step, as the loop below walks it; of one half of the channels, and one part of it, in Dots.
  struct At {
    const uint8_t* places;
    const uint8_t* scale;  // the first row's, at this step
    const uint8_t* hi;
  };
  // What sums are made of: weights times a row's inputs, plus 128 times the weights where Dot wants one side
  // unsigned: the inputs, from their middle.
  struct Sums {
    Simd::I32 dot[kRows][kPlanes];
    Simd::I32 of_128;
  };

  // Of channels `channel` on.
  static TERN_INLINE Simd::F32 Scale(const uint8_t* panel, int channel) {
    const Simd::F32 d = Simd::Load(reinterpret_cast<const float*>(panel) + channel);
    return kPrecise ? Simd::Mul(d, Simd::Set(1.0f / 128)) : d;
  }

  static TERN_INLINE Simd::U8 Inputs(const uint8_t* x) {
    const Simd::U8 inputs = Simd::Repeat16(x);
    return Simd::kSigned8 ? inputs : Simd::FromMiddle(inputs);
  }

  // Pair of quads p of a step, of 16 inputs the first half or the second.
  template <int p>
  static TERN_INLINE void AddPair(const At& at, const Simd::U8 (*inputs)[kPlanes], Sums& sums) {
    static constexpr uint8_t kQuads[2][16] = {{0, 0, 4, 4, 0, 0, 4, 4, 0, 0, 4, 4, 0, 0, 4, 4},
                                              {8, 8, 12, 12, 8, 8, 12, 12, 8, 8, 12, 12, 8, 8, 12, 12}};
    const Simd::U8 places = Simd::Shift<-2 * p>(Simd::Load(at.places));
    const Simd::U8 picked = Simd::OrAnd(Simd::Repeat16(kQuads[p % 2]), places, Simd::Set8(3));
    const Simd::U8 weights = Simd::Load(at.places + 128 * (p + 1));
    if constexpr (!Simd::kSigned8) {
      sums.of_128 = Simd::template Dot<8>(sums.of_128, Simd::Set8(128), (Simd::I32)weights);
    }
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      TERN_UNROLL
      for (int plane = 0; plane < kPlanes; ++plane) {
        const Simd::U8 x = Simd::LookUp(inputs[m][plane], picked);
        Simd::I32& dot = sums.dot[m][plane];
        dot = Simd::kSigned8 ? Simd::template Dot<8>(dot, Simd::FromMiddle(weights), (Simd::I32)x)
                             : Simd::template Dot<8>(dot, x, (Simd::I32)weights);
      }
    }
  }

  // Inputs 16 half on.
  template <int half>
  static TERN_INLINE void AddHalf(const IntTileArgs& a, const At& at, Sums& sums) {
    Simd::U8 inputs[kRows][kPlanes];
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      const uint8_t* x = at.hi + static_cast<size_t>(m) * a.row_stride + 16 * half;
      inputs[m][0] = Inputs(x);
      if constexpr (kPrecise) inputs[m][1] = Inputs(x + (a.lo - a.hi));
    }
    AddPair<2 * half>(at, inputs, sums);
    AddPair<2 * half + 1>(at, inputs, sums);
  }

  static TERN_INLINE void Dots(const IntTileArgs& a, const At& at, Simd::I32* dot) {
    Sums sums;
    sums.of_128 = Simd::Zero();
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      TERN_UNROLL
      for (int plane = 0; plane < kPlanes; ++plane) sums.dot[m][plane] = Simd::Zero();
    }
    AddHalf<0>(a, at, sums);
    AddHalf<1>(a, at, sums);
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      dot[m] = Simd::Sub(sums.dot[m][0], sums.of_128);
      if constexpr (kPrecise) {
        const Simd::I32 low = Simd::Sub(sums.dot[m][1], sums.of_128);
        dot[m] = Simd::Add(Simd::template ShiftLeft<7>(dot[m]), low);
      }
    }
  }

  static TERN_INLINE void Step(const IntTileArgs& a, const At& at, Simd::F32 (*acc)[2 * kParts]) {
    TERN_UNROLL
    for (int v = 0; v < 2 * kParts; ++v) {
      const int h = v % 2, part = v / 2;
      At of = at;
      of.places += static_cast<size_t>(64 * h) + static_cast<size_t>(part) * kVectorBytes;
      Simd::I32 dot[kRows];
      Dots(a, of, dot);
      const Simd::F32 scale = Scale(a.panel, 16 * h + part * Simd::kLanes);
      TERN_UNROLL
      for (int m = 0; m < kRows; ++m) {
        float x;
        __builtin_memcpy(&x, at.scale + static_cast<size_t>(m) * a.row_stride, 4);
        acc[m][v] = Simd::MulAdd(Simd::Set(x), Simd::Mul(scale, Simd::ToFloat(dot[m])), acc[m][v]);
      }
    }
  }

  static void Run(const IntTileArgs& args) {
    const IntTileArgs a = args;
    Simd::F32 acc[kRows][2 * kParts];
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      TERN_UNROLL
      for (int v = 0; v < 2 * kParts; ++v) acc[m][v] = Simd::Set(0);
    }
    At at{a.panel + k.lead_bytes(), a.rows, a.rows + a.hi};
    const uint8_t* ahead = a.prefetch;
    for (int step = 0; step < a.steps; ++step) {
      ahead = Prefetch(ahead, a.prefetch_lines);
      Step(a, at, acc);
      at.places += k.step_bytes();
      at.scale += 4;
      at.hi += kStep;
    }
    StoreTile<kRows>(acc, a.tile);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
