#pragma once
// iq5_ks (ik_llama.cpp): an f32 scale per row; 256 weights in 8 groups of 32, 5-bit codes for 32 levels, a
// choice of two tables and an odd scale from -127 to 127 per group. 5.25 bits per weight.
#include "tensor/quant/table_block.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq5_ks {
  static constexpr size_t kWeights = kSuperBlock, kGroup = 32, kChoices = 2;
  static constexpr uint32_t kGgufType = 152;
  struct [[gnu::packed]] RowPrefix {
    float d;
  };
  struct [[gnu::packed]] Block {
    uint8_t scales[8];
    uint8_t q[128];    // per 64 weights 32 bytes: weights 0-31 in the low nibbles, 32-63 in the high
    uint8_t high[32];  // bit i / 32 of byte i % 32: the fifth bit of code i
  };
  static_assert(sizeof(Block) == 168);
  static constexpr const auto& kTables = kLevels5;
  static constexpr ScaleRange kScales = kOddScales;

  static void PackTable(const TableBlock& t, Block* b) {
    PackByteScales(t, b->scales);
    PackNibbles<32>(t.code, b->q);
    PackBits(t.code, 4, b->high);
  }
  static void UnpackTable(const Block& b, TableBlock* t) {
    UnpackByteScales(b.scales, t);
    UnpackNibbles<32>(b.q, t->code);
    AddBits(b.high, 4, t->code);
  }

  static void EncodePrefix(const float* x, const RowImportance& shares, size_t n, RowPrefix& row) {
    row.d = FitTableScale<iq5_ks>(x, shares, n);
  }
  static void Encode(const float* x, const float* w, const RowPrefix& row, Block& b) {
    EncodeTable<iq5_ks>(x, w, row.d, b);
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) { DecodeTable<iq5_ks>(b, row.d, x); }
  static constexpr float kTolerance = 0.1f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
