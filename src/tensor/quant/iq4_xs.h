#pragma once
// iq4_xs: 256 weights in 8 groups of 32, 4-bit codes for 16 levels, 6-bit signed scale per group. 4.25 bits
// per weight.
#include "tensor/quant/table_block.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq4_xs {
  static constexpr size_t kWeights = kSuperBlock, kGroup = 32, kChoices = 1;
  static constexpr uint32_t kGgufType = 23;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint16_t scales_high;   // the high 2 bits of scale + 32, 2 bits per group
    uint8_t scales_low[4];  // the low 4 bits, a nibble per group
    uint8_t q[128];         // per group 16 bytes: weights 0-15 in the low nibbles, 16-31 in the high
  };
  static_assert(sizeof(Block) == 136);
  static constexpr const auto& kTables = kLevels4;
  static constexpr ScaleRange kScales = {-32, 1, 64};

  static void PackTable(const TableBlock& t, Block* b) {
    int high = 0;
    for (size_t g = 0; g < 8; ++g) {
      const int scale = t.scale[g] + 32;
      high |= scale >> 4 << g * 2;
      PutNibble(scale & 15, g, b->scales_low);
    }
    b->scales_high = static_cast<uint16_t>(high);
    PackCodes(t.code, b);
  }
  static void UnpackTable(const Block& b, TableBlock* t) {
    for (size_t g = 0; g < 8; ++g) {
      t->scale[g] = static_cast<int16_t>((Nibble(b.scales_low, g) | (b.scales_high >> g * 2 & 3) << 4) - 32);
      t->table[g] = 0;
    }
    UnpackNibbles<16>(b.q, t->code);
  }

  static void Encode(const float* x, const float* w, Block& b) { EncodeTable<iq4_xs>(x, w, b); }
  static constexpr uint16_t kCodes = 16;
  static void PackCodes(const uint8_t* code, Block* b) { PackNibbles<16>(code, b->q); }
  static void Decode(const Block& b, float* x) { DecodeTable<iq4_xs>(b, x); }
  static constexpr float kTolerance = 0.2f;

  static constexpr IntForm kIntForm = WithLevels({.group = 32, .zero = 128, .two_level = true}, kLevels4[0]);
  static void Unpack(const Block& b, IntBlock* out) {
    TableBlock t;
    UnpackTable(b, &t);
    out->d = F16ToF32(b.d);
    out->dmin = 0;
    for (size_t g = 0; g < 8; ++g) {
      out->sc[g] = static_cast<int8_t>(t.scale[g]);
      out->mn[g] = 0;
    }
    __builtin_memcpy(out->code, t.code, sizeof t.code);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
