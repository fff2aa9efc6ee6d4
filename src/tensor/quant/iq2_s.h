#pragma once
// iq2_s: 256 weights in 16 groups of 16. Each 8 weights are one of 1024 points and 8 signs; 4-bit scale per
// group. 2.5625 bits per weight.
#include "tensor/quant/codebook.h"
#include "tensor/quant/iq2_grids.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq2_s {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 22;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint8_t point[32];  // the low 8 bits
    uint8_t signs[32];
    uint8_t high[8];    // the high 2 bits of four points
    uint8_t scales[8];  // a nibble per group
  };
  static_assert(sizeof(Block) == 82);

  static constexpr size_t kRun = 8, kGroup = 16, kPoints = 1024, kHalves = 1;
  static constexpr Signs kSigns = Signs::kFree;
  static constexpr int kScaleCodes = 16;
  static constexpr float kTop = 43;
  static float Multiplier(int code) { return (0.5f + static_cast<float>(code)) * 0.25f; }
  static constexpr const auto& kGrid = kGrid2s;
  static constexpr uint8_t kLevels[] = {8, 25, 43, 0};
  static constexpr size_t kBits = 2;
  static void FillBook(float (*level)[kRun]) { FillPackedBook<iq2_s>(level); }

  static void Encode(const float* x, const float* w, Block& b) { EncodePoints<iq2_s>(x, w, b); }
  static void PackPoints(const PointBlock& p, Block* b) {
    for (size_t i = 0; i < 8; ++i) b->high[i] = 0;
    for (size_t r = 0; r < 32; ++r) {
      b->point[r] = static_cast<uint8_t>(p.point[r]);
      b->signs[r] = p.signs[r];
      b->high[r / 4] |= static_cast<uint8_t>(p.point[r] >> 8 << r % 4 * 2);
    }
    for (size_t g = 0; g < 16; ++g) PutNibble(p.scale[g], g, b->scales);
  }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d);
    for (size_t r = 0; r < 32; ++r) {
      const float scale = d * Multiplier(Nibble(b.scales, r / 2));
      const int point = b.point[r] | (b.high[r / 4] >> r % 4 * 2 & 3) << 8;
      DecodeRun<iq2_s>(scale, static_cast<size_t>(point), b.signs[r], x + r * 8);
    }
  }
  static constexpr float kTolerance = 0.55f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
