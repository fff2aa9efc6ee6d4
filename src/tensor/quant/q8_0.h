#pragma once
// q8_0: 32 weights, one f16 scale, signed bytes. 8.5 bits per weight, close to lossless. Symmetric: zero
// stays zero.
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q8_0 {
  static constexpr size_t kWeights = 32;
  static constexpr uint32_t kGgufType = 8;
  struct [[gnu::packed]] Block {
    uint16_t d;
    int8_t q[kWeights];
  };
  static_assert(sizeof(Block) == 34);

  static void Encode(const float* x, Block& b) {
    b.d = F32ToF16(__builtin_fabsf(FurthestWeight(x, kWeights)) / 127.f);
    const float inverse = Inverse(F16ToF32(b.d));
    for (size_t i = 0; i < kWeights; ++i) {
      b.q[i] = static_cast<int8_t>(NearestCode(x[i] * inverse, -127, 127));
    }
  }
  static constexpr uint16_t kCodes = 256;
  static void PackCodes(const uint8_t* code, Block* b) {
    for (size_t i = 0; i < kWeights; ++i) b->q[i] = static_cast<int8_t>(code[i] - 128);
  }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d);
    for (size_t i = 0; i < kWeights; ++i) x[i] = d * static_cast<float>(b.q[i]);
  }
  static constexpr float kTolerance = 0.51f / 127;

  static constexpr IntForm kIntForm = {.bits = 8, .group = 32, .zero = 128};
  static void Unpack(const Block& b, IntBlock* out) {
    SetScale(out, F16ToF32(b.d));
    for (size_t i = 0; i < kWeights; ++i) out->code[i] = static_cast<uint8_t>(b.q[i] + 128);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
