#pragma once
// The ways in which codes, or some of their bits, lie in the blocks of several formats.

#include "tensor/quant/codec.h"

namespace tern::TERN_ISA_NS {
namespace {

inline constexpr size_t kSuperBlock = 256;  // weights

// 256 codes of 2 bits: weight i in byte i % 32 of each half's 32 bytes, at bit i / 32 % 4 * 2.
inline void UnpackTwoBits(const uint8_t* packed, uint8_t* code) {
  for (size_t run = 0; run < kSuperBlock / 32; ++run) {
    const uint8_t* bytes = packed + run / 4 * 32;
    for (size_t i = 0; i < 32; ++i) code[run * 32 + i] = bytes[i] >> run % 4 * 2 & 3;
  }
}

inline void PackTwoBits(const uint8_t* code, uint8_t* packed) {
  for (size_t byte = 0; byte < 64; ++byte) {
    const uint8_t* c = code + byte / 32 * 128 + byte % 32;
    packed[byte] = static_cast<uint8_t>((c[0] & 3) | (c[32] & 3) << 2 | (c[64] & 3) << 4 | (c[96] & 3) << 6);
  }
}

// The low 4 bits of 256 codes: of each 2 kRun weights, the first kRun in the low nibbles of kRun bytes, the
// others in the high nibbles.
template <size_t kRun>
inline void UnpackNibbles(const uint8_t* packed, uint8_t* code) {
  for (size_t run = 0; run < kSuperBlock / 2; run += kRun) {
    for (size_t i = 0; i < kRun; ++i) {
      code[run * 2 + i] = packed[run + i] & 15;
      code[run * 2 + kRun + i] = packed[run + i] >> 4;
    }
  }
}

template <size_t kRun>
inline void PackNibbles(const uint8_t* code, uint8_t* packed) {
  for (size_t byte = 0; byte < kSuperBlock / 2; ++byte) {
    const uint8_t* c = code + byte / kRun * kRun * 2 + byte % kRun;
    packed[byte] = static_cast<uint8_t>((c[0] & 15) | (c[kRun] & 15) << 4);
  }
}

// 32 codes of 4 bits: 0-15 in the low nibbles, 16-31 in the high.
inline void PackHalves(const uint8_t* code, uint8_t* packed) {
  for (size_t i = 0; i < 16; ++i) packed[i] = static_cast<uint8_t>((code[i] & 15) | (code[i + 16] & 15) << 4);
}

// One bit of 256 codes, at `shift` within the code: bit i / 32 of byte i % 32.
inline void AddBits(const uint8_t* packed, int shift, uint8_t* code) {
  for (size_t run = 0; run < kSuperBlock / 32; ++run) {
    for (size_t i = 0; i < 32; ++i) {
      code[run * 32 + i] |= static_cast<uint8_t>((packed[i] >> run & 1) << shift);
    }
  }
}

inline void PackBits(const uint8_t* code, int shift, uint8_t* packed) {
  for (size_t i = 0; i < 32; ++i) packed[i] = 0;
  for (size_t i = 0; i < kSuperBlock; ++i) {
    packed[i % 32] |= static_cast<uint8_t>((code[i] >> shift & 1) << i / 32);
  }
}

// The integer form of formats whose codes stand for signed levels, and one group of 32 of its scales.
inline constexpr IntForm kLevelForm = {.bits = 8, .group = 16, .zero = 128, .two_level = true};
inline void SetLevelGroup(size_t g, int scale, IntBlock* out) {
  for (size_t half = g * 2; half < g * 2 + 2; ++half) {
    out->sc[half] = static_cast<int8_t>(scale);
    out->mn[half] = 0;
  }
}

// Entry i of an array of 4-bit numbers: even entries in the low nibbles.
inline int Nibble(const uint8_t* packed, size_t i) { return packed[i / 2] >> i % 2 * 4 & 15; }
inline void PutNibble(int value, size_t i, uint8_t* packed) {
  packed[i / 2] = static_cast<uint8_t>(i % 2 == 0 ? value : packed[i / 2] | value << 4);  // even ones first
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
