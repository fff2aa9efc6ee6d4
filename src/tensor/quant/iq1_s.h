#pragma once
// iq1_s: 256 weights in 8 groups of 32. Each 8 weights are one of 2048 points; per group a 3-bit scale and
// whether its points are moved up or down. 1.5625 bits per weight.
#include "tensor/quant/iq1_points.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq1_s {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 19;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint8_t point[32];  // the low 8 bits
    uint16_t group[8];  // the high 3 bits of four points, the scale in bits 12-14, bit 15: down
  };
  static_assert(sizeof(Block) == 50);

  static constexpr size_t kRun = 8, kGroup = 32, kPoints = 2 * kPoints1, kHalves = 2;
  static constexpr Signs kSigns = Signs::kInPoints;
  static constexpr int kScaleCodes = 8;
  static constexpr float kTop = 1.125f;
  static float Multiplier(int code) { return 2.f * static_cast<float>(code) + 1.f; }
  static void FillBook(float (*level)[kRun]) { FillBook1(level); }

  static void Encode(const float* x, const float* w, Block& b) { EncodePoints<iq1_s>(x, w, b); }
  static void PackPoints(const PointBlock& p, Block* b) {
    for (size_t g = 0; g < 8; ++g) {
      int group = p.scale[g] << 12 | static_cast<int>(p.point[g * 4] / kPoints1) << 15;
      for (size_t r = 0; r < 4; ++r) {
        b->point[g * 4 + r] = static_cast<uint8_t>(p.point[g * 4 + r]);
        group |= (p.point[g * 4 + r] >> 8 & 7) << r * 3;
      }
      b->group[g] = static_cast<uint16_t>(group);
    }
  }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d);
    for (size_t r = 0; r < 32; ++r) {
      const int group = b.group[r / 4];
      const int point = b.point[r] | (group >> r % 4 * 3 & 7) << 8 | (group >> 15) << 11;
      DecodeRun1(d * Multiplier(group >> 12 & 7), static_cast<size_t>(point), x + r * 8);
    }
  }
  static constexpr float kTolerance = 0.85f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
