#pragma once
// iq4_kt (ik_llama.cpp, trellis.h): each 4 weights are one of 2^15 seeds; per group a choice of two ranges of
// them and a 7-bit signed scale. 4 bits per weight.
#include "tensor/quant/trellis.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq4_kt {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 155;
  using RowPrefix = FloatPrefix;
  struct [[gnu::packed]] Block {
    uint32_t group[8];   // bit 0: the second range; scale + 64 in bits 1-7; then the high 3 bits of 8 seeds
    uint8_t low[64];     // the low 8 bits of the seeds
    uint8_t middle[32];  // their next 4, of seeds 0-31 in the low nibbles, 32-63 in the high
  };
  static_assert(sizeof(Block) == 128);
  static constexpr uint32_t kSeeds = 1 << 15;
  static constexpr bool kMagnitudes = false;
  static int ScaleCode(float scale) { return NearestCode(scale, -64, 63) + 64; }
  static float Multiplier(int code) { return static_cast<float>(code - 64); }

  static void EncodePrefix(const float* x, size_t n, RowPrefix& row) { row.d = TrellisRowScale(x, n, 63); }
  static void Encode(const float* x, const RowPrefix& row, Block& b) {
    TrellisSearch<iq4_kt, 4> search[2] = {{x, row.d}, {x, row.d}};
    search[0].Run(kTrellisFirst, kSeeds);
    search[1].Run(kTrellisFirst + kSeeds, kSeeds);
    for (size_t g = 0; g < 8; ++g) {
      const uint32_t range = search[1].error(g) < search[0].error(g) ? 1 : 0;
      uint32_t word = range | static_cast<uint32_t>(search[range].code(g)) << 1;
      for (size_t r = 0; r < 8; ++r) {
        const uint32_t seed = search[range].seed(g * 8 + r);
        b.low[g * 8 + r] = static_cast<uint8_t>(seed);
        PutNibble(static_cast<int>(seed >> 8 & 15), (g * 8 + r) % 32 * 2 + g / 4, b.middle);
        word |= seed >> 12 << (8 + 3 * r);
      }
      b.group[g] = word;
    }
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) {
    for (size_t r = 0; r < 64; ++r) {
      const uint32_t group = b.group[r / 8];
      const uint32_t middle = static_cast<uint32_t>(Nibble(b.middle, r % 32 * 2 + r / 32));
      const uint32_t seed = b.low[r] | middle << 8 | (group >> (8 + r % 8 * 3) & 7) << 12;
      const float scale = row.d * Multiplier(static_cast<int>(group >> 1 & 127));
      DecodeTrellis<4>(kTrellisFirst + (group & 1) * kSeeds + seed, scale, x + r * 4);
    }
  }
  static constexpr float kTolerance = 0.3f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
