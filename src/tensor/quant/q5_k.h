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

  static void Encode(const float* x, const float* w, Block& b) {
    IntBlock ints;
    FitAffineGroups(x, w, 32, 31, 63, &ints);
    b.d = F32ToF16(ints.d);
    b.dmin = F32ToF16(ints.dmin);
    PackSixBitPairs(ints, b.scales);
    PackCodes(ints.code, &b);
  }
  static constexpr uint16_t kCodes = 32;
  static void PackCodes(const uint8_t* code, Block* b) {
    PackNibbles<32>(code, b->q);
    PackBits(code, 4, b->high);
  }
  static void Decode(const Block& b, float* x) { DecodeByUnpack<q5_k>(b, x); }
  static constexpr float kTolerance = 2.f / 31;

  static constexpr IntForm kIntForm = {.bits = 5, .group = 32, .has_min = true, .two_level = true};
  static void Unpack(const Block& b, IntBlock* out) {
    out->d = F16ToF32(b.d);
    out->dmin = F16ToF32(b.dmin);
    UnpackSixBitPairs(b.scales, out);
    UnpackNibbles<32>(b.q, out->code);
    AddBits(b.high, 4, out->code);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
