#pragma once
// tq2_0: 256 ternary weights of 2 bits, one f16 scale. 2.0625 bits per weight. Code 3 would be 2 d; nobody
// writes it.
#include "tensor/quant/ternary.h"

namespace tern::TERN_ISA_NS {
namespace {

struct tq2_0 {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 35;
  struct [[gnu::packed]] Block {
    uint8_t q[64];
    uint16_t d;
  };
  static_assert(sizeof(Block) == 66);

  static void Encode(const float* x, const float* w, Block& b) {
    uint8_t digit[kWeights];
    b.d = EncodeTernary(x, w, digit);
    Pack(digit, b);
  }
  static void Decode(const Block& b, float* x) {
    uint8_t digit[kWeights];
    Digits(b, digit);
    DecodeTernary(b.d, digit, x);
  }
  static constexpr float kTolerance = 0.95f;

  static constexpr IntForm kIntForm = kTernaryForm;
  static void Unpack(const Block& b, IntBlock* out) {
    uint8_t digit[kWeights];
    Digits(b, digit);
    TernaryToInts(b.d, digit, out);
  }

 private:
  static void Digits(const Block& b, uint8_t* digit) { UnpackTwoBits(b.q, digit); }
  static void Pack(const uint8_t* digit, Block& b) { PackTwoBits(digit, b.q); }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
