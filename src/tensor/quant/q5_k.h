#pragma once
// q5_k: 256 weights in 8 groups of 32, 5-bit codes, 6-bit scale and minimum per group. 5.5 bits per weight.
#include "tensor/quant/two_level.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q5_k {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 13;
  struct [[gnu::packed]] Block {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t high[32];  // bit i / 32 of byte i % 32: the fifth bit of code i
    uint8_t q[128];
  };
  static_assert(sizeof(Block) == 176);

  static void Encode(const float* x, Block& b) {
    IntBlock ints;
    FitAffineGroups(x, 32, 31, 63, &ints);
    b.d = F32ToF16(ints.d);
    b.dmin = F32ToF16(ints.dmin);
    PackSixBitPairs(ints, b.scales);
    PackNibblePairs(ints.code, b.q);
    for (size_t i = 0; i < 32; ++i) b.high[i] = 0;
    for (size_t i = 0; i < kWeights; ++i) {
      b.high[i % 32] |= static_cast<uint8_t>(ints.code[i] >> 4 << i / 32);
    }
  }
  static void Decode(const Block& b, float* x) { DecodeByUnpack<q5_k>(b, x); }
  static constexpr float kTolerance = 2.f / 31;

  static constexpr IntForm kIntForm = {.bits = 5, .group = 32, .has_min = true, .two_level = true};
  static void Unpack(const Block& b, IntBlock* out) {
    out->d = F16ToF32(b.d);
    out->dmin = F16ToF32(b.dmin);
    UnpackSixBitPairs(b.scales, out);
    for (size_t pair = 0; pair < 4; ++pair) {
      for (size_t i = 0; i < 32; ++i) {
        const int high = b.high[i] >> pair * 2;
        out->code[pair * 64 + i] = static_cast<uint8_t>((b.q[pair * 32 + i] & 15) | (high & 1) << 4);
        out->code[pair * 64 + 32 + i] = static_cast<uint8_t>(b.q[pair * 32 + i] >> 4 | (high >> 1 & 1) << 4);
      }
    }
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
