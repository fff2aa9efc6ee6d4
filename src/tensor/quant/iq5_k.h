#pragma once
// iq5_k (ik_llama.cpp): 256 weights in 16 groups of 16, 5-bit codes for 32 levels, a choice of two tables and
// a 6-bit signed scale per group. 5.5 bits per weight.
#include "tensor/quant/table_block.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq5_k {
  static constexpr size_t kWeights = kSuperBlock, kGroup = 16, kChoices = 2;
  static constexpr uint32_t kGgufType = 140;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint16_t tables;  // bit g: group g takes the second table
    uint8_t scales_high[4], scales_low[8];
    uint8_t q[128];    // per 64 weights 32 bytes: weights 0-31 in the low nibbles, 32-63 in the high
    uint8_t high[32];  // bit i / 32 of byte i % 32: the fifth bit of code i
  };
  static_assert(sizeof(Block) == 176);
  static constexpr const auto& kTables = kLevels5;
  static constexpr ScaleRange kScales = {-32, 1, 64};

  static void PackTable(const TableBlock& t, Block* b) {
    b->tables = PackChoices(t.table, 16);
    PackSixBits(t.scale, b->scales_low, b->scales_high);
    PackNibbles<32>(t.code, b->q);
    PackBits(t.code, 4, b->high);
  }
  static void UnpackTable(const Block& b, TableBlock* t) {
    UnpackChoices(b.tables, 16, t->table);
    UnpackSixBits(b.scales_low, b.scales_high, t->scale);
    UnpackNibbles<32>(b.q, t->code);
    AddBits(b.high, 4, t->code);
  }

  static void Encode(const float* x, const float* w, Block& b) { EncodeTable<iq5_k>(x, w, b); }
  static void Decode(const Block& b, float* x) { DecodeTable<iq5_k>(b, x); }
  static constexpr float kTolerance = 0.1f;

  static constexpr IntForm kIntForm = kLevelForm;
  static void Unpack(const Block& b, IntBlock* out) { TableToInts<iq5_k>(b, F16ToF32(b.d), out); }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
