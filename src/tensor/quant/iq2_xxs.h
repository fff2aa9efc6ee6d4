#pragma once
// iq2_xxs: 256 weights in 8 groups of 32. Each 8 weights are one of 256 points and 7 signs; 4-bit scale per
// group. 2.0625 bits per weight.
#include "tensor/quant/codebook.h"
#include "tensor/quant/iq2_grids.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq2_xxs {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 16;
  struct [[gnu::packed]] Group {
    uint8_t point[4];
    uint32_t signs;  // 7 bits for each 8 weights; the scale above
  };
  struct [[gnu::packed]] Block {
    uint16_t d;
    Group group[8];
  };
  static_assert(sizeof(Block) == 66);

  static constexpr size_t kRun = 8, kGroup = 32, kPoints = 256, kHalves = 1;
  static constexpr Signs kSigns = Signs::kEven;
  static constexpr int kScaleCodes = 16;
  static constexpr float kTop = 43;
  static float Multiplier(int code) { return (0.5f + static_cast<float>(code)) * 0.25f; }
  static constexpr const auto& kGrid = kGrid2xxs;
  static constexpr uint8_t kLevels[] = {8, 25, 43, 0};
  static constexpr size_t kBits = 2;
  static void FillBook(float (*level)[kRun]) { FillPackedBook<iq2_xxs>(level); }

  static void Encode(const float* x, const float* w, Block& b) { EncodePoints<iq2_xxs>(x, w, b); }
  static void PackPoints(const PointBlock& p, Block* b) {
    for (size_t g = 0; g < 8; ++g) {
      uint32_t signs = static_cast<uint32_t>(p.scale[g]) << 28;
      for (size_t r = 0; r < 4; ++r) {
        b->group[g].point[r] = static_cast<uint8_t>(p.point[g * 4 + r]);
        signs |= static_cast<uint32_t>(p.signs[g * 4 + r] & 127) << 7 * r;
      }
      b->group[g].signs = signs;
    }
  }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d);
    for (const Group& group : b.group) {
      const uint32_t signs = group.signs;
      const float scale = d * Multiplier(static_cast<int>(signs >> 28));
      for (size_t r = 0; r < 4; ++r, x += 8) {
        DecodeRun<iq2_xxs>(scale, group.point[r], EvenSigns(static_cast<int>(signs >> 7 * r & 127)), x);
      }
    }
  }
  static constexpr float kTolerance = 0.8f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
