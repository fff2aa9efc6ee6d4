#pragma once
// iq2_k (ik_llama.cpp): 256 weights in 16 groups of 16, 2-bit codes for 4 levels, a choice of two tables and
// a 4-bit signed scale per group. 2.375 bits per weight.
#include "tensor/quant/table_block.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq2_k {
  static constexpr size_t kWeights = kSuperBlock, kGroup = 16, kChoices = 2;
  static constexpr uint32_t kGgufType = 137;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint16_t tables;    // bit g: group g takes the second table
    uint8_t scales[8];  // scale + 8, a nibble per group
    uint8_t q[64];
  };
  static_assert(sizeof(Block) == 76);
  static constexpr const auto& kTables = kLevels2;
  static constexpr ScaleRange kScales = {-8, 1, 16};

  static void PackTable(const TableBlock& t, Block* b) {
    b->tables = PackChoices(t.table, 16);
    for (size_t g = 0; g < 16; ++g) PutNibble(t.scale[g] + 8, g, b->scales);
    PackTwoBits(t.code, b->q);
  }
  static void UnpackTable(const Block& b, TableBlock* t) {
    UnpackChoices(b.tables, 16, t->table);
    for (size_t g = 0; g < 16; ++g) t->scale[g] = static_cast<int16_t>(Nibble(b.scales, g) - 8);
    UnpackTwoBits(b.q, t->code);
  }

  static void Encode(const float* x, const float* w, Block& b) { EncodeTable<iq2_k>(x, w, b); }
  static void Decode(const Block& b, float* x) { DecodeTable<iq2_k>(b, x); }
  static constexpr float kTolerance = 0.55f;

  static constexpr IntForm kIntForm = kLevelForm;
  static void Unpack(const Block& b, IntBlock* out) { TableToInts<iq2_k>(b, F16ToF32(b.d), out); }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
