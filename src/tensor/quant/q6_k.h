#pragma once
// q6_k: 256 weights in 16 groups of 16, 6-bit codes around 32, int8 scale per group. 6.5625 bits per weight.
#include "tensor/quant/two_level.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q6_k {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 14;
  struct [[gnu::packed]] Block {
    uint8_t
        low[128];  // per half of 128 weights, 64 bytes: weights 0-63 in the low nibbles, 64-127 in the high
    uint8_t high[64];  // per half, 32 bytes: the upper 2 bits of weight i in byte i % 32, at bit i / 32 * 2
    int8_t scales[16];
    uint16_t d;
  };
  static_assert(sizeof(Block) == 210);

  static void Encode(const float* x, const float* w, Block& b) {
    IntBlock ints;
    FitSymmetricGroups(x, w, 32, 128, &ints);
    PackCodes(ints.code, &b);
    for (size_t g = 0; g < 16; ++g) b.scales[g] = ints.sc[g];
    b.d = F32ToF16(ints.d);
  }
  static constexpr uint16_t kCodes = 64;
  static void PackCodes(const uint8_t* code, Block* b) {
    for (size_t half = 0; half < 2; ++half) {
      const uint8_t* c = code + half * 128;
      for (size_t i = 0; i < 64; ++i) {
        b->low[half * 64 + i] = static_cast<uint8_t>((c[i] & 15) | (c[i + 64] & 15) << 4);
      }
      for (size_t i = 0; i < 32; ++i) {
        b->high[half * 32 + i] =
            static_cast<uint8_t>(c[i] >> 4 | c[i + 32] >> 4 << 2 | c[i + 64] >> 4 << 4 | c[i + 96] >> 4 << 6);
      }
    }
  }
  static void Decode(const Block& b, float* x) { DecodeByUnpack<q6_k>(b, x); }
  static constexpr float kTolerance = 1.f / 31;

  static constexpr IntForm kIntForm = {.bits = 6, .group = 16, .zero = 32, .two_level = true};
  static void Unpack(const Block& b, IntBlock* out) {
    out->d = F16ToF32(b.d);
    out->dmin = 0;
    for (size_t g = 0; g < 16; ++g) {
      out->sc[g] = b.scales[g];
      out->mn[g] = 0;
    }
    for (size_t half = 0; half < 2; ++half) {
      uint8_t* code = out->code + half * 128;
      const uint8_t *low = b.low + half * 64, *high = b.high + half * 32;
      for (size_t i = 0; i < 32; ++i) {
        code[i] = static_cast<uint8_t>((low[i] & 15) | (high[i] & 3) << 4);
        code[i + 32] = static_cast<uint8_t>((low[i + 32] & 15) | (high[i] >> 2 & 3) << 4);
        code[i + 64] = static_cast<uint8_t>(low[i] >> 4 | (high[i] >> 4 & 3) << 4);
        code[i + 96] = static_cast<uint8_t>(low[i + 32] >> 4 | high[i] >> 6 << 4);
      }
    }
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
