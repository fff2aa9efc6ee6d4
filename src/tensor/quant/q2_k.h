#pragma once
// q2_k: 256 weights in 16 groups of 16, 2-bit codes, 4-bit scale and minimum per group. 2.625 bits per
// weight.
#include "tensor/quant/two_level.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q2_k {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 10;
  struct [[gnu::packed]] Block {
    uint8_t scales[16];  // scale in the low nibble, minimum in the high
    uint8_t q[64];
    uint16_t d, dmin;
  };
  static_assert(sizeof(Block) == 84);

  static void Encode(const float* x, const float* w, Block& b) {
    IntBlock ints;
    FitAffineGroups(x, w, 16, 3, 15, &ints);
    for (size_t g = 0; g < 16; ++g) b.scales[g] = static_cast<uint8_t>(ints.sc[g] | ints.mn[g] << 4);
    PackCodes(ints.code, &b);
    b.d = F32ToF16(ints.d);
    b.dmin = F32ToF16(ints.dmin);
  }
  static constexpr uint16_t kCodes = 4;
  static void PackCodes(const uint8_t* code, Block* b) { PackTwoBits(code, b->q); }
  static void Decode(const Block& b, float* x) { DecodeByUnpack<q2_k>(b, x); }
  static constexpr float kTolerance = 0.5f;

  static constexpr IntForm kIntForm = {.bits = 4, .group = 16, .has_min = true, .two_level = true};
  static void Unpack(const Block& b, IntBlock* out) {
    out->d = F16ToF32(b.d);
    out->dmin = F16ToF32(b.dmin);
    for (size_t g = 0; g < 16; ++g) {
      out->sc[g] = static_cast<int8_t>(b.scales[g] & 15);
      out->mn[g] = b.scales[g] >> 4;
    }
    UnpackTwoBits(b.q, out->code);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
