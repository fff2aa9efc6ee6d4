#pragma once
// The layout that q5_0 and q5_1 share: 32 codes as nibbles (0-15 low, 16-31 high) and, apart, their fifth
// bits.

#include "tensor/quant/codec.h"

namespace tern::TERN_ISA_NS {
namespace {

// Bit i of `bits` as byte i: every byte gets all bits, keeps its own, and anything above zero carries into
// bit 7.
inline uint64_t SpreadBits(uint8_t bits) {
  constexpr uint64_t kOnes = 0x0101010101010101, kDiagonal = 0x8040201008040201;
  return (((bits * kOnes) & kDiagonal) + 0x7f * kOnes) >> 7 & kOnes;
}

struct [[gnu::packed]] FiveBitCodes {
  uint8_t high[4];  // bit i % 8 of byte i / 8: the fifth bit of code i
  uint8_t low[16];

  void Pack(const uint8_t* code) {
    for (size_t i = 0; i < 4; ++i) high[i] = 0;
    for (size_t i = 0; i < 32; ++i) high[i / 8] |= static_cast<uint8_t>((code[i] >> 4 & 1) << i % 8);
    for (size_t i = 0; i < 16; ++i) low[i] = static_cast<uint8_t>((code[i] & 15) | (code[i + 16] & 15) << 4);
  }
  void Unpack(uint8_t* code) const {
    for (size_t i = 0; i < 16; ++i) {
      code[i] = low[i] & 15;
      code[i + 16] = low[i] >> 4;
    }
    for (size_t byte = 0; byte < 4; ++byte) {
      uint64_t eight;
      __builtin_memcpy(&eight, code + byte * 8, 8);
      eight |= SpreadBits(high[byte]) << 4;
      __builtin_memcpy(code + byte * 8, &eight, 8);
    }
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
