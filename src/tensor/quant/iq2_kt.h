#pragma once
// iq2_kt (ik_llama.cpp, trellis.h): each 8 weights are one of 2^16 seeds; 4-bit scale per group. 2.125 bits per
// weight.
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

  static void EncodePrefix(const float* x, size_t n, RowPrefix& row) { row.d = TrellisRowScale(x, n, 127); }
  static void Encode(const float* x, const RowPrefix& row, Block& b) {
    TrellisSearch<8> search;
    uint8_t scale[8];
    SearchTrellis(x, row.d, 1 << 16, scale, &search);
    for (size_t g = 0; g < 4; ++g) b.scales[g] = static_cast<uint8_t>(scale[g] | scale[g + 4] << 4);
    for (size_t r = 0; r < 32; ++r) b.seed[r] = static_cast<uint16_t>(search.seed[r]);
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) {
    for (size_t r = 0; r < 32; ++r) {
      const int code = b.scales[r / 4 % 4] >> r / 16 * 4 & 15;
      DecodeTrellis<8>(kTrellisFirst + b.seed[r], row.d * static_cast<float>(kLevels4[0][code]), x + r * 8);
    }
  }
  static constexpr float kTolerance = 0.6f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
