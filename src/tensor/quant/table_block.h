#pragma once
// Super-blocks of 256 weights whose codes stand for levels: weight = d * scale * level(code), where each
// group of 16 or 32 weights has a small integer scale and, in some formats, its choice of two tables.
//
// A format F says kGroup, kTables (levels.h), kChoices (how many of them a group chooses from), kScales, and
// how its Block becomes a TableBlock and back: UnpackTable(block, &t), PackTable(t, &block). d lies in the
// block or before the row.

#include "tensor/quant/code_layouts.h"
#include "tensor/quant/levels.h"

namespace tern::TERN_ISA_NS {
namespace {

struct TableBlock {
  int16_t scale[16];  // per group
  uint8_t table[16];  // per group: 0, or 1 for the second table
  uint8_t code[kSuperBlock];
};

// The scales a group may have: low + step * i for i = 0 .. count - 1. `low` is the furthest from zero.
struct ScaleRange {
  int low, step, count;
};

// Which table each group takes, a bit per group.
inline uint16_t PackChoices(const uint8_t* table, size_t groups) {
  int bits = 0;
  for (size_t g = 0; g < groups; ++g) bits |= table[g] << g;
  return static_cast<uint16_t>(bits);
}
inline void UnpackChoices(int bits, size_t groups, uint8_t* table) {
  for (size_t g = 0; g < groups; ++g) table[g] = bits >> g & 1;
}

// 16 scales of 6 bits, + 32: the low 4 bits a nibble per group, the high 2 bits four groups to a byte.
inline void PackSixBits(const int16_t* scale, uint8_t* low, uint8_t* high) {
  for (size_t g = 0; g < 4; ++g) high[g] = 0;
  for (size_t g = 0; g < 16; ++g) {
    PutNibble((scale[g] + 32) & 15, g, low);
    high[g / 4] |= static_cast<uint8_t>((scale[g] + 32) >> 4 << g % 4 * 2);
  }
}
inline void UnpackSixBits(const uint8_t* low, const uint8_t* high, int16_t* scale) {
  for (size_t g = 0; g < 16; ++g) {
    scale[g] = static_cast<int16_t>((Nibble(low, g) | (high[g / 4] >> g % 4 * 2 & 3) << 4) - 32);
  }
}

// 8 odd scales as (scale + 127), an even byte whose lowest bit says which table the group takes.
inline constexpr ScaleRange kOddScales = {-127, 2, 128};
inline void PackByteScales(const TableBlock& t, uint8_t* scales) {
  for (size_t g = 0; g < 8; ++g) scales[g] = static_cast<uint8_t>((t.scale[g] + 127) | t.table[g]);
}
inline void UnpackByteScales(const uint8_t* scales, TableBlock* t) {
  for (size_t g = 0; g < 8; ++g) {
    t->scale[g] = static_cast<int16_t>((scales[g] & 254) - 127);
    t->table[g] = scales[g] & 1;
  }
}

template <class F>
inline void DecodeLevels(float d, const TableBlock& t, float* x) {
  for (size_t g = 0; g < kSuperBlock / F::kGroup; ++g) {
    const float scale = d * static_cast<float>(t.scale[g]);
    const auto& levels = F::kTables[t.table[g]];
    for (size_t i = g * F::kGroup; i < (g + 1) * F::kGroup; ++i) {
      x[i] = scale * static_cast<float>(levels[t.code[i]]);
    }
  }
}

// The scale that group's weights would best have, were it not d times an integer; by which table, if asked.
template <class F>
inline float IdealScale(const float* group, const float* w) {
  LevelFit best = SearchLevels(F::kTables[0], group, w, F::kGroup);
  for (size_t t = 1; t < F::kChoices; ++t) {
    const LevelFit fit = SearchLevels(F::kTables[t], group, w, F::kGroup);
    if (fit.gain > best.gain) best = fit;
  }
  return best.d;
}

// d with which the largest of the ideal scales is F::kScales.low times d. NaN if any weight is not finite.
template <class F>
inline float FitTableScale(const float* x, const RowImportance& shares, size_t n) {
  float furthest = 0, probe = 0, w[F::kGroup];
  for (size_t first = 0; first < n; first += F::kGroup) {
    shares.Fill(first, F::kGroup, w);
    const float scale = IdealScale<F>(x + first, w);
    furthest = __builtin_fabsf(scale) > __builtin_fabsf(furthest) ? scale : furthest;
    probe += scale * 0.f;
  }
  return furthest / static_cast<float>(F::kScales.low) + probe;
}

template <size_t kCount>
inline float LevelError(const LevelSteps<kCount>& steps, const float* x, const float* w, size_t n,
                        float scale) {
  const float inverse = Inverse(scale);
  float error[8] = {}, level[8];
  for (size_t i = 0; i < n; i += 8) {
    steps.Nearest(x + i, inverse, level);
    for (size_t l = 0; l < 8; ++l) {
      const float miss = x[i + l] - scale * level[l];
      error[l] += w[i + l] * miss * miss;
    }
  }
  return Sum8(error);
}

// Scale, table and codes of every group, d being given: the integers around the ideal scale are tried.
template <class F>
inline void FitTable(const float* x, const float* w, float d, TableBlock* out) {
  constexpr ScaleRange range = F::kScales;
  for (size_t g = 0; g < kSuperBlock / F::kGroup; ++g) {
    const float *group = x + g * F::kGroup, *group_w = w + g * F::kGroup;
    float best_error = -1;
    for (size_t t = 0; t < F::kChoices; ++t) {
      const LevelSteps steps(F::kTables[t]);
      const float ideal = SearchLevels(F::kTables[t], group, group_w, F::kGroup).d * Inverse(d);
      const float place = (ideal - static_cast<float>(range.low)) / static_cast<float>(range.step);
      const int nearest = NearestCode(place, 0, range.count - 1);
      for (int i = nearest > 0 ? nearest - 1 : 0; i <= nearest + 1 && i < range.count; ++i) {
        const int scale = range.low + range.step * i;
        const float error = LevelError(steps, group, group_w, F::kGroup, d * static_cast<float>(scale));
        if (best_error >= 0 && !(error < best_error)) continue;
        best_error = error;
        out->scale[g] = static_cast<int16_t>(scale);
        out->table[g] = static_cast<uint8_t>(t);
      }
    }
    const float inverse = Inverse(d * static_cast<float>(out->scale[g]));
    for (size_t i = 0; i < F::kGroup; ++i) {
      out->code[g * F::kGroup + i] = NearestLevel(F::kTables[out->table[g]], group[i] * inverse);
    }
  }
}

// Of formats with an f16 d in the block: Encode and Decode.
template <class F>
inline void EncodeTable(const float* x, const float* w, typename F::Block& b) {
  b.d = F32ToF16(FitTableScale<F>(x, RowImportance(w, kSuperBlock), kSuperBlock));
  TableBlock t;
  FitTable<F>(x, w, F16ToF32(b.d), &t);
  F::PackTable(t, &b);
}

template <class F>
inline void DecodeTable(const typename F::Block& b, float* x) {
  TableBlock t;
  F::UnpackTable(b, &t);
  DecodeLevels<F>(F16ToF32(b.d), t, x);
}

// The integer form where d is an f16: the codes are the levels.
template <class F>
inline void TableToInts(const typename F::Block& b, float d, IntBlock* out) {
  TableBlock t;
  F::UnpackTable(b, &t);
  out->d = d;
  out->dmin = 0;
  for (size_t g = 0; g < 16; ++g) {
    const size_t group = g * 16 / F::kGroup;
    out->sc[g] = static_cast<int8_t>(t.scale[group]);
    out->mn[g] = 0;
    const auto& levels = F::kTables[t.table[group]];
    for (size_t i = g * 16; i < g * 16 + 16; ++i)
      out->code[i] = static_cast<uint8_t>(levels[t.code[i]] + 128);
  }
}

// Formats whose row begins with d: EncodePrefix, Encode, Decode.
template <class F>
inline void EncodeTable(const float* x, const float* w, float d, typename F::Block& b) {
  TableBlock t;
  FitTable<F>(x, w, d, &t);
  F::PackTable(t, &b);
}

template <class F>
inline void DecodeTable(const typename F::Block& b, float d, float* x) {
  TableBlock t;
  F::UnpackTable(b, &t);
  DecodeLevels<F>(d, t, x);
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
