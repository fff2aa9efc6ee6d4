#pragma once
// q1_0: 128 weights of -d or d, one f16 scale. 1.125 bits per weight.
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q1_0 {
  static constexpr size_t kWeights = 128;
  static constexpr uint32_t kGgufType = 41;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint8_t q[16];  // a bit per weight, the first one lowest: set for d
  };
  static_assert(sizeof(Block) == 18);

  static void Encode(const float* x, Block& b) {
    float sum = 0;
    for (size_t i = 0; i < kWeights; ++i) sum += __builtin_fabsf(x[i]) + x[i] * 0.f;
    b.d = F32ToF16(sum / kWeights);
    for (uint8_t& byte : b.q) byte = 0;
    for (size_t i = 0; i < kWeights; ++i) b.q[i / 8] |= static_cast<uint8_t>((x[i] < 0 ? 0 : 1) << i % 8);
  }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d);
    for (size_t i = 0; i < kWeights; ++i) x[i] = b.q[i / 8] >> i % 8 & 1 ? d : -d;
  }
  static constexpr float kTolerance = 0.9f;

  // As codes 7 and 9 of q4_0.
  static constexpr IntForm kIntForm = {.bits = 4, .group = 32, .zero = 8};
  static void Unpack(const Block& b, IntBlock* out) {
    SetScale(out, F16ToF32(b.d));
    for (size_t i = 0; i < kWeights; ++i) {
      out->code[i] = static_cast<uint8_t>(7 + 2 * (b.q[i / 8] >> i % 8 & 1));
    }
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
