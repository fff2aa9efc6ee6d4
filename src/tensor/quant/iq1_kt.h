#pragma once
// iq1_kt (ik_llama.cpp, trellis.h): each 8 weights are one of 2^13 seeds; 4-bit scale per group. 1.75 bits
// per weight.
#include "tensor/quant/trellis.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq1_kt {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 158;
  using RowPrefix = FloatPrefix;
  struct [[gnu::packed]] Block {
    uint8_t group[8];  // the code of the scale, a level of kLevels4; bit 4 + r: the highest bit of seed r
    uint8_t low[32];   // the low 8 bits of the seeds
    uint8_t high[16];  // their next 4, of seeds 0-15 in the low nibbles, 16-31 in the high
  };
  static_assert(sizeof(Block) == 56);

  static constexpr bool kMagnitudes = false;
  static int ScaleCode(float scale) { return NearestTrellisLevel(scale); }
  static float Multiplier(int code) { return static_cast<float>(kLevels4[0][code]); }

  static void EncodePrefix(const float* x, size_t n, RowPrefix& row) { row.d = TrellisRowScale(x, n, 127); }
  static void Encode(const float* x, const RowPrefix& row, Block& b) {
    TrellisSearch<iq1_kt, 8> search(x, row.d);
    search.Run(kTrellisFirst, 1 << 13);
    for (size_t g = 0; g < 8; ++g) b.group[g] = static_cast<uint8_t>(search.code(g));
    for (size_t r = 0; r < 32; ++r) {
      const uint32_t seed = search.seed(r);
      b.low[r] = static_cast<uint8_t>(seed);
      PutNibble(static_cast<int>(seed >> 8 & 15), r % 16 * 2 + r / 16, b.high);
      b.group[r / 4] |= static_cast<uint8_t>(seed >> 12 << (4 + r % 4));
    }
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) {
    for (size_t r = 0; r < 32; ++r) {
      const int group = b.group[r / 4];
      const int seed = b.low[r] | Nibble(b.high, r % 16 * 2 + r / 16) << 8 | (group >> (4 + r % 4) & 1) << 12;
      const float scale = row.d * Multiplier(group & 15);
      DecodeTrellis<8>(kTrellisFirst + static_cast<uint32_t>(seed), scale, x + r * 8);
    }
  }
  static constexpr float kTolerance = 0.98f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
