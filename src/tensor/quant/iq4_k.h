#pragma once
// iq4_k (ik_llama.cpp): 256 weights in 16 groups of 16, 4-bit codes for 16 levels, a choice of two tables and
// a 6-bit signed scale per group. 4.5 bits per weight.
#include "tensor/quant/table_block.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq4_k {
  static constexpr size_t kWeights = kSuperBlock, kGroup = 16, kChoices = 2;
  static constexpr uint32_t kGgufType = 139;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint16_t tables;  // bit g: group g takes the second table
    uint8_t scales_high[4], scales_low[8];
    uint8_t q[128];  // per 32 weights 16 bytes: weights 0-15 in the low nibbles, 16-31 in the high
  };
  static_assert(sizeof(Block) == 144);
  static constexpr const auto& kTables = kLevels4;
  static constexpr ScaleRange kScales = {-32, 1, 64};

  static void PackTable(const TableBlock& t, Block* b) {
    b->tables = PackChoices(t.table, 16);
    PackSixBits(t.scale, b->scales_low, b->scales_high);
    PackNibbles<16>(t.code, b->q);
  }
  static void UnpackTable(const Block& b, TableBlock* t) {
    UnpackChoices(b.tables, 16, t->table);
    UnpackSixBits(b.scales_low, b.scales_high, t->scale);
    UnpackNibbles<16>(b.q, t->code);
  }

  static void Encode(const float* x, const float* w, Block& b) { EncodeTable<iq4_k>(x, w, b); }
  static void Decode(const Block& b, float* x) { DecodeTable<iq4_k>(b, x); }
  static constexpr float kTolerance = 0.2f;

  static constexpr IntForm kIntForm = kLevelForm;
  static void Unpack(const Block& b, IntBlock* out) { TableToInts<iq4_k>(b, F16ToF32(b.d), out); }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
