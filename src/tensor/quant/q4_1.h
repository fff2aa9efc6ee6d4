#pragma once
// q4_1: 32 weights, f16 scale and offset, 4-bit codes. 5 bits per weight; for weights not centred on zero.
#include "tensor/quant/code_layouts.h"
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q4_1 {
  static constexpr size_t kWeights = 32;
  static constexpr uint32_t kGgufType = 3;
  struct [[gnu::packed]] Block {
    uint16_t d, m;  // weight = d * code + m
    uint8_t q[16];  // weights 0-15 in the low nibbles, 16-31 in the high
  };
  static_assert(sizeof(Block) == 20);

  static void Encode(const float* x, const float* w, Block& b) {
    const Affine fit = SearchAffine(x, w, kWeights, 15, false);
    b.d = F32ToF16(fit.d);
    b.m = F32ToF16(-fit.minimum);
    const float inverse = Inverse(F16ToF32(b.d)), m = F16ToF32(b.m);
    uint8_t code[kWeights];
    for (size_t i = 0; i < kWeights; ++i)
      code[i] = static_cast<uint8_t>(NearestCode((x[i] - m) * inverse, 0, 15));
    PackCodes(code, &b);
  }
  static constexpr uint16_t kCodes = 16;
  static void PackCodes(const uint8_t* code, Block* b) { PackHalves(code, b->q); }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d), m = F16ToF32(b.m);
    for (size_t i = 0; i < 16; ++i) {
      x[i] = static_cast<float>(b.q[i] & 15) * d + m;
      x[i + 16] = static_cast<float>(b.q[i] >> 4) * d + m;
    }
  }
  static constexpr float kTolerance = 2.f / 15;

  static constexpr IntForm kIntForm = {.bits = 4, .group = 32, .has_min = true};
  static void Unpack(const Block& b, IntBlock* out) {
    SetScale(out, F16ToF32(b.d), -F16ToF32(b.m));
    for (size_t i = 0; i < 16; ++i) {
      out->code[i] = b.q[i] & 15;
      out->code[i + 16] = b.q[i] >> 4;
    }
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
