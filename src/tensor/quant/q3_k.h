#pragma once
// q3_k: 256 weights in 16 groups of 16, 3-bit codes around 4, 6-bit signed scale per group. 3.4375 bits per
// weight.
#include "tensor/quant/two_level.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q3_k {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 11;
  struct [[gnu::packed]] Block {
    uint8_t high[32];  // bit i / 32 of byte i % 32: the third bit of code i
    uint8_t q[64];
    uint8_t scales[12];  // scale + 32: the low 4 bits of scale g in byte g % 8, the high 2 in byte 8 + g % 4
    uint16_t d;
  };
  static_assert(sizeof(Block) == 110);

  static void Encode(const float* x, const float* w, Block& b) {
    IntBlock ints;
    FitSymmetricGroups(x, w, 4, 32, &ints);
    PackCodes(ints.code, &b);
    for (size_t i = 0; i < 12; ++i) b.scales[i] = 0;
    for (size_t g = 0; g < 16; ++g) {
      const int scale = ints.sc[g] + 32;
      b.scales[g % 8] |= static_cast<uint8_t>((scale & 15) << g / 8 * 4);
      b.scales[8 + g % 4] |= static_cast<uint8_t>((scale >> 4) << g / 4 * 2);
    }
    b.d = F32ToF16(ints.d);
  }
  static constexpr uint16_t kCodes = 8;
  static void PackCodes(const uint8_t* code, Block* b) {
    PackBits(code, 2, b->high);
    PackTwoBits(code, b->q);
  }
  static void Decode(const Block& b, float* x) { DecodeByUnpack<q3_k>(b, x); }
  static constexpr float kTolerance = 0.27f;

  static constexpr IntForm kIntForm = {.bits = 4, .group = 16, .zero = 4, .two_level = true};
  static void Unpack(const Block& b, IntBlock* out) {
    out->d = F16ToF32(b.d);
    out->dmin = 0;
    for (size_t g = 0; g < 16; ++g) {
      const int low = b.scales[g % 8] >> g / 8 * 4 & 15;
      const int high = b.scales[8 + g % 4] >> g / 4 * 2 & 3;
      out->sc[g] = static_cast<int8_t>((low | high << 4) - 32);
      out->mn[g] = 0;
    }
    UnpackTwoBits(b.q, out->code);
    AddBits(b.high, 2, out->code);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
