#pragma once
// iq3_ks (ik_llama.cpp): an f16 scale per row; 256 weights in 8 groups of 32, 3-bit codes for 8 levels, a
// choice of two tables and a 5-bit signed scale per group. 3.1875 bits per weight.
#include "tensor/quant/table_block.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq3_ks {
  static constexpr size_t kWeights = kSuperBlock, kGroup = 32, kChoices = 2;
  static constexpr uint32_t kGgufType = 156;
  struct [[gnu::packed]] RowPrefix {
    uint16_t d;
  };
  struct [[gnu::packed]] Block {
    uint16_t extra;     // bit g: the fifth bit of group g's scale + 16; bit 8 + g: it takes the second table
    uint8_t scales[4];  // the low 4 bits, of groups 0-3 in the low nibbles, 4-7 in the high
    uint8_t q[64];
    uint8_t high[32];  // bit i / 32 of byte i % 32: the third bit of code i
  };
  static_assert(sizeof(Block) == 102);
  static constexpr const auto& kTables = kLevels3;
  static constexpr ScaleRange kScales = {-16, 1, 32};

  static void PackTable(const TableBlock& t, Block* b) {
    int extra = PackChoices(t.table, 8) << 8;
    for (size_t g = 0; g < 8; ++g) {
      const int scale = t.scale[g] + 16;
      extra |= scale >> 4 << g;
      PutNibble(scale & 15, g % 4 * 2 + g / 4, b->scales);
    }
    b->extra = static_cast<uint16_t>(extra);
    PackTwoBits(t.code, b->q);
    PackBits(t.code, 2, b->high);
  }
  static void UnpackTable(const Block& b, TableBlock* t) {
    UnpackChoices(b.extra >> 8, 8, t->table);
    for (size_t g = 0; g < 8; ++g) {
      const int low = Nibble(b.scales, g % 4 * 2 + g / 4);
      t->scale[g] = static_cast<int16_t>((low | (b.extra >> g & 1) << 4) - 16);
    }
    UnpackTwoBits(b.q, t->code);
    AddBits(b.high, 2, t->code);
  }

  static void EncodePrefix(const float* x, const RowImportance& shares, size_t n, RowPrefix& row) {
    row.d = F32ToF16(FitTableScale<iq3_ks>(x, shares, n));
  }
  static void Encode(const float* x, const float* w, const RowPrefix& row, Block& b) {
    EncodeTable<iq3_ks>(x, w, F16ToF32(row.d), b);
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) {
    DecodeTable<iq3_ks>(b, F16ToF32(row.d), x);
  }
  static constexpr float kTolerance = 0.3f;

  static constexpr IntForm kIntForm = kLevelForm;
  static void Unpack(const RowPrefix& row, const Block& b, IntBlock* out) {
    TableToInts<iq3_ks>(b, F16ToF32(row.d), out);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
