#pragma once
// iq3_k (ik_llama.cpp): 256 weights in 16 groups of 16, 3-bit codes for 8 levels, a choice of two tables and
// an odd scale from -31 to 31 per group. 3.4375 bits per weight.
#include "tensor/quant/table_block.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq3_k {
  static constexpr size_t kWeights = kSuperBlock, kGroup = 16, kChoices = 2;
  static constexpr uint32_t kGgufType = 138;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint16_t tables;     // bit g: group g takes the second table
    uint16_t negatives;  // bit g: its scale is below zero
    uint8_t scales[8];   // (|scale| - 1) / 2, a nibble per group
    uint8_t q[64];
    uint8_t high[32];  // bit i / 32 of byte i % 32: the third bit of code i
  };
  static_assert(sizeof(Block) == 110);
  static constexpr const auto& kTables = kLevels3;
  static constexpr ScaleRange kScales = {-31, 2, 32};

  static void PackTable(const TableBlock& t, Block* b) {
    b->tables = PackChoices(t.table, 16);
    int negatives = 0;
    for (size_t g = 0; g < 16; ++g) {
      const int scale = t.scale[g];
      negatives |= (scale < 0 ? 1 : 0) << g;
      PutNibble((scale < 0 ? -scale : scale) / 2, g, b->scales);
    }
    b->negatives = static_cast<uint16_t>(negatives);
    PackTwoBits(t.code, b->q);
    PackBits(t.code, 2, b->high);
  }
  static void UnpackTable(const Block& b, TableBlock* t) {
    UnpackChoices(b.tables, 16, t->table);
    for (size_t g = 0; g < 16; ++g) {
      const int scale = 2 * Nibble(b.scales, g) + 1;
      t->scale[g] = static_cast<int16_t>(b.negatives >> g & 1 ? -scale : scale);
    }
    UnpackTwoBits(b.q, t->code);
    AddBits(b.high, 2, t->code);
  }

  static void Encode(const float* x, const float* w, Block& b) { EncodeTable<iq3_k>(x, w, b); }
  static void Decode(const Block& b, float* x) { DecodeTable<iq3_k>(b, x); }
  static constexpr float kTolerance = 0.3f;

  static constexpr IntForm kIntForm = kLevelForm;
  static void Unpack(const Block& b, IntBlock* out) { TableToInts<iq3_k>(b, F16ToF32(b.d), out); }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
