#pragma once
// iq2_xs: 256 weights in 16 groups of 16. Each 8 weights are one of 512 points and 7 signs; 4-bit scale per
// group. 2.3125 bits per weight.
#include "tensor/quant/codebook.h"
#include "tensor/quant/iq2_grids.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq2_xs {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 17;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint16_t run[32];   // the point in 9 bits, the signs above
    uint8_t scales[8];  // a nibble per group
  };
  static_assert(sizeof(Block) == 74);

  static constexpr size_t kRun = 8, kGroup = 16, kPoints = 512, kHalves = 1;
  static constexpr Signs kSigns = Signs::kEven;
  static constexpr int kScaleCodes = 16;
  static constexpr float kTop = 43;
  static float Multiplier(int code) { return (0.5f + static_cast<float>(code)) * 0.25f; }
  static constexpr const auto& kGrid = kGrid2xs;
  static constexpr uint8_t kLevels[] = {8, 25, 43, 0};
  static constexpr size_t kBits = 2;
  static void FillBook(float (*level)[kRun]) { FillPackedBook<iq2_xs>(level); }

  static void Encode(const float* x, const float* w, Block& b) { EncodePoints<iq2_xs>(x, w, b); }
  static void PackPoints(const PointBlock& p, Block* b) {
    for (size_t r = 0; r < 32; ++r) b->run[r] = static_cast<uint16_t>(p.point[r] | (p.signs[r] & 127) << 9);
    for (size_t g = 0; g < 16; ++g) PutNibble(p.scale[g], g, b->scales);
  }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d);
    for (size_t r = 0; r < 32; ++r) {
      const float scale = d * Multiplier(Nibble(b.scales, r / 2));
      const int run = b.run[r];
      DecodeRun<iq2_xs>(scale, static_cast<size_t>(run & 511), EvenSigns(run >> 9), x + r * 8);
    }
  }
  static constexpr float kTolerance = 0.6f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
