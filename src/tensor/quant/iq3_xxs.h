#pragma once
// iq3_xxs: 256 weights in 8 groups of 32. Each 4 weights are one of 256 points, each 8 have 7 signs; 4-bit
// scale per group. 3.0625 bits per weight.
#include "tensor/quant/codebook.h"
#include "tensor/quant/iq3_grids.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq3_xxs {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 18;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint8_t point[64];
    uint32_t signs[8];  // per group: 7 bits for each 8 weights; the scale above
  };
  static_assert(sizeof(Block) == 98);

  static constexpr size_t kRun = 4, kGroup = 32, kPoints = 256, kHalves = 1;
  static constexpr Signs kSigns = Signs::kEven;
  static constexpr int kScaleCodes = 16;
  static constexpr float kTop = 62;
  static float Multiplier(int code) { return (0.5f + static_cast<float>(code)) * 0.5f; }
  static constexpr const auto& kGrid = kGrid3xxs;
  static constexpr uint8_t kLevels[] = {4, 12, 20, 28, 36, 44, 52, 62};
  static constexpr size_t kBits = 3;
  static void FillBook(float (*level)[kRun]) { FillPackedBook<iq3_xxs>(level); }

  static void Encode(const float* x, const float* w, Block& b) { EncodePoints<iq3_xxs>(x, w, b); }
  static void PackPoints(const PointBlock& p, Block* b) {
    for (size_t r = 0; r < 64; ++r) b->point[r] = static_cast<uint8_t>(p.point[r]);
    for (size_t g = 0; g < 8; ++g) {
      uint32_t signs = static_cast<uint32_t>(p.scale[g]) << 28;
      for (size_t i = 0; i < 4; ++i) signs |= static_cast<uint32_t>(p.signs[g * 4 + i] & 127) << 7 * i;
      b->signs[g] = signs;
    }
  }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d);
    for (size_t i = 0; i < 32; ++i, x += 8) {
      const uint32_t group = b.signs[i / 4];
      const float scale = d * Multiplier(static_cast<int>(group >> 28));
      const int signs = EvenSigns(static_cast<int>(group >> i % 4 * 7 & 127));
      DecodeRun<iq3_xxs>(scale, b.point[i * 2], signs, x);
      DecodeRun<iq3_xxs>(scale, b.point[i * 2 + 1], signs >> 4, x + 4);
    }
  }
  static constexpr float kTolerance = 0.4f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
