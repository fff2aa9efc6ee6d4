#pragma once
// iq3_kt (ik_llama.cpp, trellis.h): the magnitudes of each 8 weights are one of 2^16 seeds, their signs
// apart; 4-bit scale per group. 3.125 bits per weight.
#include "tensor/quant/trellis.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq3_kt {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 154;
  using RowPrefix = FloatPrefix;
  struct [[gnu::packed]] Block {
    uint8_t scales[4];  // 0-15: of groups 0-3 in the low nibbles, 4-7 in the high
    uint16_t seed[32];
    uint8_t signs[32];  // bit i / 32 of byte i % 32: weight i is below zero
  };
  static_assert(sizeof(Block) == 100);

  static constexpr bool kMagnitudes = true;
  static int ScaleCode(float scale) { return NearestCode(scale, 0, 15); }
  static float Multiplier(int code) { return static_cast<float>(code); }

  static void EncodePrefix(const float* x, size_t n, RowPrefix& row) { row.d = TrellisRowScale(x, n, 15); }
  static void Encode(const float* x, const RowPrefix& row, Block& b) {
    TrellisSearch<iq3_kt, 8> search(x, row.d);
    search.Run(kTrellisFirst, 1 << 16);
    for (size_t g = 0; g < 8; ++g) PutNibble(search.code(g), g % 4 * 2 + g / 4, b.scales);
    for (size_t r = 0; r < 32; ++r) b.seed[r] = static_cast<uint16_t>(search.seed(r));
    uint8_t sign[kWeights];
    for (size_t i = 0; i < kWeights; ++i) sign[i] = x[i] < 0 ? 1 : 0;
    PackBits(sign, 0, b.signs);
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) {
    for (size_t r = 0; r < 32; ++r) {
      const float scale = row.d * Multiplier(Nibble(b.scales, r / 4 % 4 * 2 + r / 16));
      uint32_t state = kTrellisFirst + b.seed[r];
      for (size_t i = r * 8; i < r * 8 + 8; ++i) {
        const float y = scale * __builtin_fabsf(NextTrellis(&state));
        x[i] = b.signs[i % 32] >> i / 32 & 1 ? -y : y;
      }
    }
  }
  static constexpr float kTolerance = 0.5f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
