#pragma once
// iq6_k (ik_llama.cpp): 256 weights in 16 groups of 16, 6-bit codes for the 64 values of a cubic, a choice of
// two tables and an int8 scale per group. 6.625 bits per weight.
#include "tensor/quant/table_block.h"

namespace tern::TERN_ISA_NS {
namespace {

// As the format defines them, every operation rounded to f32; the second table is 1 higher.
struct CubicLevels {
  float level[2][64];
};
inline constexpr CubicLevels MakeCubicLevels() {
  CubicLevels t{};
  for (int q = 0; q < 64; ++q) {
    const float x = static_cast<float>(q);
    t.level[0][q] = -127.f + x * (6.2568f + x * (-0.11218f + x * 0.0011972f));
    t.level[1][q] = t.level[0][q] + 1.f;
  }
  return t;
}

struct iq6_k {
  static constexpr size_t kWeights = kSuperBlock, kGroup = 16, kChoices = 2;
  static constexpr uint32_t kGgufType = 141;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint16_t tables;  // bit g: group g takes the second table
    int8_t scales[16];
    uint8_t q[128];    // per 64 weights 32 bytes: weights 0-31 in the low nibbles, 32-63 in the high
    uint8_t high[64];  // the upper 2 bits
  };
  static_assert(sizeof(Block) == 212);

  static constexpr CubicLevels kMade = MakeCubicLevels();
  static constexpr const auto& kTables = kMade.level;
  static constexpr ScaleRange kScales = {-128, 1, 256};

  static void PackTable(const TableBlock& t, Block* b) {
    b->tables = PackChoices(t.table, 16);
    for (size_t g = 0; g < 16; ++g) b->scales[g] = static_cast<int8_t>(t.scale[g]);
    PackNibbles<32>(t.code, b->q);
    uint8_t high[kWeights];
    for (size_t i = 0; i < kWeights; ++i) high[i] = t.code[i] >> 4;
    PackTwoBits(high, b->high);
  }
  static void UnpackTable(const Block& b, TableBlock* t) {
    UnpackChoices(b.tables, 16, t->table);
    for (size_t g = 0; g < 16; ++g) t->scale[g] = b.scales[g];
    UnpackNibbles<32>(b.q, t->code);
    uint8_t high[kWeights];
    UnpackTwoBits(b.high, high);
    for (size_t i = 0; i < kWeights; ++i) t->code[i] |= static_cast<uint8_t>(high[i] << 4);
  }

  static void Encode(const float* x, const float* w, Block& b) { EncodeTable<iq6_k>(x, w, b); }
  static void Decode(const Block& b, float* x) { DecodeTable<iq6_k>(b, x); }
  static constexpr float kTolerance = 0.05f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
