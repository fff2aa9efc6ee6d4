#pragma once
// iq2_ks (ik_llama.cpp): an f16 scale per row; 256 weights in 8 groups of 32, 2-bit codes for 4 levels, a
// choice of two tables and a 5-bit signed scale per group. 2.1875 bits per weight.
#include "tensor/quant/table_block.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq2_ks {
  static constexpr size_t kWeights = kSuperBlock, kGroup = 32, kChoices = 2;
  static constexpr uint32_t kGgufType = 145;
  struct [[gnu::packed]] RowPrefix {
    uint16_t d;
  };
  struct [[gnu::packed]] Block {
    uint16_t extra;     // bit g: group g takes the second table; bit 8 + g: the fifth bit of its scale + 16
    uint8_t scales[4];  // the low 4 bits, a nibble per group
    uint8_t q[64];
  };
  static_assert(sizeof(Block) == 70);
  static constexpr const auto& kTables = kLevels2;
  static constexpr ScaleRange kScales = {-16, 1, 32};

  static void PackTable(const TableBlock& t, Block* b) {
    int extra = PackChoices(t.table, 8);
    for (size_t g = 0; g < 8; ++g) {
      const int scale = t.scale[g] + 16;
      extra |= scale >> 4 << (8 + g);
      PutNibble(scale & 15, g, b->scales);
    }
    b->extra = static_cast<uint16_t>(extra);
    PackTwoBits(t.code, b->q);
  }
  static void UnpackTable(const Block& b, TableBlock* t) {
    UnpackChoices(b.extra, 8, t->table);
    for (size_t g = 0; g < 8; ++g) {
      t->scale[g] = static_cast<int16_t>((Nibble(b.scales, g) | (b.extra >> (8 + g) & 1) << 4) - 16);
    }
    UnpackTwoBits(b.q, t->code);
  }

  static void EncodePrefix(const float* x, const RowImportance& shares, size_t n, RowPrefix& row) {
    row.d = F32ToF16(FitTableScale<iq2_ks>(x, shares, n));
  }
  static void Encode(const float* x, const float* w, const RowPrefix& row, Block& b) {
    EncodeTable<iq2_ks>(x, w, F16ToF32(row.d), b);
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) {
    DecodeTable<iq2_ks>(b, F16ToF32(row.d), x);
  }
  static constexpr float kTolerance = 0.55f;

  static constexpr IntForm kIntForm = kLevelForm;
  static void Unpack(const RowPrefix& row, const Block& b, IntBlock* out) {
    TableToInts<iq2_ks>(b, F16ToF32(row.d), out);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
