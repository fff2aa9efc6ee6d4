#pragma once
// iq2_kt (ik_llama.cpp, trellis.h): each 8 weights are one of 2^16 seeds; 4-bit scale per group. 2.125 bits
// per weight.
#include "tensor/quant/trellis.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq2_kt {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 153;
  using RowPrefix = FloatPrefix;
  struct [[gnu::packed]] Block {
    uint8_t scales[4];  // codes, levels of kLevels4: of groups 0-3 in the low nibbles, 4-7 in the high
    uint16_t seed[32];
  };
  static_assert(sizeof(Block) == 68);

  static constexpr bool kMagnitudes = false;
  static int ScaleCode(float scale) { return NearestTrellisLevel(scale); }
  static float Multiplier(int code) { return static_cast<float>(kLevels4[0][code]); }

  static void EncodePrefix(const float* x, size_t n, RowPrefix& row) { row.d = TrellisRowScale(x, n, 127); }
  static void Encode(const float* x, const RowPrefix& row, Block& b) {
    TrellisSearch<iq2_kt, 8> search(x, row.d);
    search.Run(kTrellisFirst, 1 << 16);
    for (size_t g = 0; g < 8; ++g) PutNibble(search.code(g), g % 4 * 2 + g / 4, b.scales);
    for (size_t r = 0; r < 32; ++r) b.seed[r] = static_cast<uint16_t>(search.seed(r));
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) {
    for (size_t r = 0; r < 32; ++r) {
      const int code = Nibble(b.scales, r / 4 % 4 * 2 + r / 16);
      DecodeTrellis<8>(kTrellisFirst + b.seed[r], row.d * Multiplier(code), x + r * 8);
    }
  }
  static constexpr float kTolerance = 0.7f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
