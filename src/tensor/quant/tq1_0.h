#pragma once
// tq1_0: 256 ternary weights, one f16 scale; five to a byte in base 3. 1.6875 bits per weight.
#include "tensor/quant/ternary.h"

namespace tern::TERN_ISA_NS {
namespace {

struct tq1_0 {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 34;
  struct [[gnu::packed]] Block {
    // Bytes are fractions of 256: digit n of byte q is floor(3 (3^n q mod 256) / 256). Weights 0-159 are the
    // digits of bytes 0-31, 160-239 those of bytes 32-47: first all their digits 0, then all digits 1, ...
    uint8_t q[48];
    uint8_t rest[4];  // weights 240-255: four digits each
    uint16_t d;
  };
  static_assert(sizeof(Block) == 54);

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
  // `bytes` bytes of `digits` digits each.
  static void UnpackRun(const uint8_t* q, size_t bytes, size_t digits, uint8_t* digit) {
    int power = 1;
    for (size_t n = 0; n < digits; ++n, power *= 3) {
      for (size_t i = 0; i < bytes; ++i)
        digit[n * bytes + i] = static_cast<uint8_t>((q[i] * power & 255) * 3 >> 8);
    }
  }
  static void PackRun(const uint8_t* digit, size_t bytes, size_t digits, uint8_t* q) {
    for (size_t i = 0; i < bytes; ++i) {
      int value = 0;
      for (size_t n = 0; n < 5; ++n) value = value * 3 + (n < digits ? digit[n * bytes + i] : 0);
      q[i] = static_cast<uint8_t>((value * 256 + 242) / 243);  // rounded up: no digit falls short
    }
  }
  static void Digits(const Block& b, uint8_t* digit) {
    UnpackRun(b.q, 32, 5, digit);
    UnpackRun(b.q + 32, 16, 5, digit + 160);
    UnpackRun(b.rest, 4, 4, digit + 240);
  }
  static void Pack(const uint8_t* digit, Block& b) {
    PackRun(digit, 32, 5, b.q);
    PackRun(digit + 160, 16, 5, b.q + 32);
    PackRun(digit + 240, 4, 4, b.rest);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
