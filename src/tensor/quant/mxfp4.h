#pragma once
// mxfp4 (OCP Microscaling): 32 weights as 4-bit floats, one power of two. 4.25 bits per weight.
#include "tensor/quant/code_layouts.h"
#include "tensor/quant/float4.h"

namespace tern::TERN_ISA_NS {
namespace {

struct mxfp4 {
  static constexpr size_t kWeights = 32;
  static constexpr uint32_t kGgufType = 39;
  struct [[gnu::packed]] Block {
    uint8_t e;      // e8m0: 2^(e - 127)
    uint8_t q[16];  // weights 0-15 in the low nibbles, 16-31 in the high
  };
  static_assert(sizeof(Block) == 17);

  static void Encode(const float* x, const float* w, Block& b) {
    const float furthest = __builtin_fabsf(FurthestWeight(x, kWeights));
    if (!(furthest <= 0x1.fffffep127f)) {  // the largest scale takes all but 0 to infinity, or beyond 1e38
      b.e = 255;
      for (uint8_t& byte : b.q) byte = 0x77;
      return;
    }
    // Around the scale that gives the furthest weight the exponent of the largest float, 4 to 6.
    const int exponent = static_cast<int>(__builtin_bit_cast(uint32_t, furthest) >> 23);
    const int first = exponent < 4 ? 0 : exponent - 4, last = exponent < 254 ? exponent : 253;
    b.e = static_cast<uint8_t>(SearchFloat4(x, w, kWeights, first, last, HalfScale, b.q));
  }
  static constexpr uint16_t kCodes = 16;
  static void PackCodes(const uint8_t* code, Block* b) { PackHalves(code, b->q); }
  static void Decode(const Block& b, float* x) { DecodeFloat4(b.q, kWeights, HalfScale(b.e), x); }
  static constexpr float kTolerance = 0.25f;

  static constexpr IntForm kIntForm = WithLevels({.group = 32, .zero = 16, .wide_scale = true}, kFloat4);
  static void Unpack(const Block& b, IntBlock* out) {
    SetScale(out, HalfScale(b.e));
    for (size_t i = 0; i < 16; ++i) {
      out->code[i] = b.q[i] & 15;
      out->code[i + 16] = b.q[i] >> 4;
    }
  }

 private:
  // Half of 2^(e - 127), since kFloat4 is doubled.
  static float HalfScale(int e) {
    const uint32_t bits = e < 2 ? 0x200000u << e : static_cast<uint32_t>(e - 1) << 23;
    return __builtin_bit_cast(float, bits);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
