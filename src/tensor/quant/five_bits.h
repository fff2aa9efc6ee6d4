#pragma once
// The layout that q5_0 and q5_1 share: 32 codes as nibbles (0-15 low, 16-31 high) and, apart, their fifth
// bits.

#include "tensor/quant/codec.h"

namespace tern::TERN_ISA_NS {
namespace {

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
      code[i] = static_cast<uint8_t>((low[i] & 15) | (high[i / 8] >> i % 8 & 1) << 4);
      code[i + 16] = static_cast<uint8_t>(low[i] >> 4 | (high[i / 8 + 2] >> i % 8 & 1) << 4);
    }
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
