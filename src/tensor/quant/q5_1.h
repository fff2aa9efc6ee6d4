#pragma once
// q5_1: 32 weights, f16 scale and offset, 5-bit codes. 6 bits per weight; for weights not centred on zero.
#include "tensor/quant/five_bits.h"
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q5_1 {
  static constexpr size_t kWeights = 32;
  static constexpr uint32_t kGgufType = 7;
  struct [[gnu::packed]] Block {
    uint16_t d, m;  // weight = d * code + m
    FiveBitCodes q;
  };
  static_assert(sizeof(Block) == 24);

  static void Encode(const float* x, const float* w, Block& b) {
    const Affine fit = SearchAffine(x, w, kWeights, 31, false);
    b.d = F32ToF16(fit.d);
    b.m = F32ToF16(-fit.minimum);
    const float inverse = Inverse(F16ToF32(b.d)), m = F16ToF32(b.m);
    uint8_t code[kWeights];
    for (size_t i = 0; i < kWeights; ++i) {
      code[i] = static_cast<uint8_t>(NearestCode((x[i] - m) * inverse, 0, 31));
    }
    PackCodes(code, &b);
  }
  static constexpr uint16_t kCodes = 32;
  static void PackCodes(const uint8_t* code, Block* b) { b->q.Pack(code); }
  static void Decode(const Block& b, float* x) {
    uint8_t code[kWeights];
    b.q.Unpack(code);
    const float d = F16ToF32(b.d), m = F16ToF32(b.m);
    for (size_t i = 0; i < kWeights; ++i) x[i] = static_cast<float>(code[i]) * d + m;
  }
  static constexpr float kTolerance = 2.f / 31;

  static constexpr IntForm kIntForm = {.bits = 5, .group = 32, .has_min = true};
  static void Unpack(const Block& b, IntBlock* out) {
    SetScale(out, F16ToF32(b.d), -F16ToF32(b.m));
    b.q.Unpack(out->code);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
