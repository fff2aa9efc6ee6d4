#pragma once
// iq4_kss (ik_llama.cpp): an f32 scale per row; 256 weights in 8 groups of 32, 4-bit codes for 16 levels, a
// choice of two tables and an odd scale from -127 to 127 per group. Four codes together have an even number
// of bits set; the bit that saves holds the scales. 4 bits per weight.
#include "tensor/quant/table_block.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq4_kss {
  static constexpr size_t kWeights = kSuperBlock, kGroup = 32, kChoices = 2;
  static constexpr uint32_t kGgufType = 146;
  struct [[gnu::packed]] RowPrefix {
    float d;
  };
  struct [[gnu::packed]] Block {
    // Word i of group g: bit 0 is bit i of the group's scale + 127 and table, as in iq4_ks; above it the Gray
    // code of four codes, those of weights 2i, 2i + 16, 2i + 1, 2i + 17 of the group, lowest first.
    uint16_t word[8][8];
  };
  static_assert(sizeof(Block) == 128);
  static constexpr const auto& kTables = kLevels4;
  static constexpr ScaleRange kScales = kOddScales;
  static constexpr size_t kPlace[4] = {0, 16, 1, 17};

  static void EncodePrefix(const float* x, const RowImportance& shares, size_t n, RowPrefix& row) {
    row.d = FitTableScale<iq4_kss>(x, shares, n);
  }
  static void Encode(const float* x, const float* w, const RowPrefix& row, Block& b) {
    TableBlock t;
    FitTable<iq4_kss>(x, w, row.d, &t);
    uint8_t scales[8];
    PackByteScales(t, scales);
    for (size_t g = 0; g < 8; ++g) {
      const float inverse = Inverse(row.d * static_cast<float>(t.scale[g]));
      for (size_t i = 0; i < 8; ++i) {
        const size_t first = g * 32 + i * 2;
        MakeEven(x + first, inverse, kTables[t.table[g]], t.code + first);
        int codes = 0;
        for (size_t j = 0; j < 4; ++j) codes |= t.code[first + kPlace[j]] << j * 4;
        for (int shift = 1; shift < 16; shift *= 2) codes ^= codes >> shift;  // back from the Gray code
        b.word[g][i] = static_cast<uint16_t>(codes | (scales[g] >> i & 1));
      }
    }
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) {
    TableBlock t;
    uint8_t scales[8] = {};
    for (size_t g = 0; g < 8; ++g) {
      for (size_t i = 0; i < 8; ++i) {
        const int word = b.word[g][i];
        scales[g] |= static_cast<uint8_t>((word & 1) << i);
        const int codes = (word & ~1) ^ (word >> 1);
        for (size_t j = 0; j < 4; ++j) {
          t.code[g * 32 + i * 2 + kPlace[j]] = static_cast<uint8_t>(codes >> j * 4 & 15);
        }
      }
    }
    UnpackByteScales(scales, &t);
    DecodeLevels<iq4_kss>(row.d, t, x);
  }
  static constexpr float kTolerance = 0.3f;

 private:
  // Changes the code whose change costs least, if the four have an odd number of bits.
  static void MakeEven(const float* x, float inverse, const int8_t (&levels)[16], uint8_t* code) {
    int bits = 0;
    for (const size_t place : kPlace) bits ^= code[place];
    if (!IsOdd(bits)) return;
    float least = __builtin_inff();
    size_t changed = 0;
    uint8_t to = code[0] ^ 1;
    for (const size_t place : kPlace) {
      const float y = x[place] * inverse, now = y - static_cast<float>(levels[code[place]]);
      for (uint8_t c = 0; c < 16; ++c) {
        const float then = y - static_cast<float>(levels[c]);
        if (!IsOdd(c ^ code[place]) || !(then * then - now * now < least)) continue;
        least = then * then - now * now;
        changed = place;
        to = c;
      }
    }
    code[changed] = to;
  }
  static bool IsOdd(int four_bits) { return 0x6996 >> four_bits & 1; }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
