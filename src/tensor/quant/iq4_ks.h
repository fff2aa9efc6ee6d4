#pragma once
// iq4_ks (ik_llama.cpp): an f32 scale per row; 256 weights in 8 groups of 32, 4-bit codes for 16 levels, a
// choice of two tables and an odd scale from -127 to 127 per group. 4.25 bits per weight.
#include "tensor/quant/table_block.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq4_ks {
  static constexpr size_t kWeights = kSuperBlock, kGroup = 32, kChoices = 2;
  static constexpr uint32_t kGgufType = 144;
  struct [[gnu::packed]] RowPrefix {
    float d;
  };
  struct [[gnu::packed]] Block {
    uint8_t scales[8];
    uint8_t q[128];  // per group 16 bytes: weights 0-15 in the low nibbles, 16-31 in the high
  };
  static_assert(sizeof(Block) == 136);
  static constexpr const auto& kTables = kLevels4;
  static constexpr ScaleRange kScales = kOddScales;

  static void PackTable(const TableBlock& t, Block* b) {
    PackByteScales(t, b->scales);
    PackNibbles<16>(t.code, b->q);
  }
  static void UnpackTable(const Block& b, TableBlock* t) {
    UnpackByteScales(b.scales, t);
    UnpackNibbles<16>(b.q, t->code);
  }

  static void EncodePrefix(const float* x, const RowImportance& shares, size_t n, RowPrefix& row) {
    row.d = FitTableScale<iq4_ks>(x, shares, n);
  }
  static void Encode(const float* x, const float* w, const RowPrefix& row, Block& b) {
    EncodeTable<iq4_ks>(x, w, row.d, b);
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) { DecodeTable<iq4_ks>(b, row.d, x); }
  static constexpr float kTolerance = 0.2f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
