#pragma once
// q4_k: 256 weights in 8 groups of 32, 4-bit codes, 6-bit scale and minimum per group. 4.5 bits per weight.
#include "tensor/quant/two_level.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q4_k {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 12;
  struct [[gnu::packed]] Block {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t q[128];
  };
  static_assert(sizeof(Block) == 144);

  static void Encode(const float* x, const float* w, Block& b) {
    IntBlock ints;
    FitAffineGroups(x, w, 32, 15, 63, &ints);
    b.d = F32ToF16(ints.d);
    b.dmin = F32ToF16(ints.dmin);
    PackSixBitPairs(ints, b.scales);
    PackCodes(ints.code, &b);
  }
  static constexpr uint16_t kCodes = 16;
  static void PackCodes(const uint8_t* code, Block* b) { PackNibbles<32>(code, b->q); }
  static void Decode(const Block& b, float* x) { DecodeByUnpack<q4_k>(b, x); }
  static constexpr float kTolerance = 2.f / 15;

  static constexpr IntForm kIntForm = {.bits = 4, .group = 32, .has_min = true, .two_level = true};
  static void Unpack(const Block& b, IntBlock* out) {
    out->d = F16ToF32(b.d);
    out->dmin = F16ToF32(b.dmin);
    UnpackSixBitPairs(b.scales, out);
    UnpackNibbles<32>(b.q, out->code);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
