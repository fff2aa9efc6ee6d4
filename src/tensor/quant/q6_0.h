#pragma once
// q6_0 (ik_llama.cpp): 32 weights, one f16 scale, 6-bit codes around 32. 6.5 bits per weight.
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q6_0 {
  static constexpr size_t kWeights = 32;
  static constexpr uint32_t kGgufType = 133;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint8_t high[8];  // the upper 2 bits of weights i, i + 16, i + 8, i + 24, lowest first
    uint8_t low[16];  // weights 0-15 in the low nibbles, 16-31 in the high
  };
  static_assert(sizeof(Block) == 26);

  static void Encode(const float* x, const float* w, Block& b) {
    b.d = F32ToF16(SearchScale(x, w, kWeights, 32));
    const float inverse = Inverse(F16ToF32(b.d));
    for (uint8_t& byte : b.high) byte = 0;
    for (size_t i = 0; i < 16; ++i) {
      const int first = NearestCode(x[i] * inverse, -32, 31) + 32;
      const int second = NearestCode(x[i + 16] * inverse, -32, 31) + 32;
      b.low[i] = static_cast<uint8_t>((first & 15) | (second & 15) << 4);
      b.high[i % 8] |= static_cast<uint8_t>((first >> 4 | second >> 4 << 2) << i / 8 * 4);
    }
  }
  static void Decode(const Block& b, float* x) {
    uint8_t code[kWeights];
    Codes(b, code);
    const float d = F16ToF32(b.d);
    for (size_t i = 0; i < kWeights; ++i) x[i] = static_cast<float>(code[i] - 32) * d;
  }
  static constexpr float kTolerance = 1.01f / 31;

  // As bytes, like q8_0.
  static constexpr IntForm kIntForm = {.bits = 8, .group = 32, .zero = 128};
  static void Unpack(const Block& b, IntBlock* out) {
    SetScale(out, F16ToF32(b.d));
    Codes(b, out->code);
    for (size_t i = 0; i < kWeights; ++i) out->code[i] = static_cast<uint8_t>(out->code[i] + 96);
  }

 private:
  static void Codes(const Block& b, uint8_t* code) {
    for (size_t i = 0; i < 8; ++i) {
      const int high = b.high[i];
      code[i] = static_cast<uint8_t>((b.low[i] & 15) | (high & 3) << 4);
      code[i + 8] = static_cast<uint8_t>((b.low[i + 8] & 15) | (high >> 4 & 3) << 4);
      code[i + 16] = static_cast<uint8_t>(b.low[i] >> 4 | (high >> 2 & 3) << 4);
      code[i + 24] = static_cast<uint8_t>(b.low[i + 8] >> 4 | high >> 6 << 4);
    }
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
