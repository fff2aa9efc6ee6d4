#pragma once
// iq3_s: 256 weights in 8 groups of 32. Each 4 weights are one of 512 points and 4 signs; 4-bit scale per
// group. 3.4375 bits per weight.
#include "tensor/quant/codebook.h"
#include "tensor/quant/iq3_grids.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq3_s {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 21;
  struct [[gnu::packed]] Block {
    uint16_t d;
    uint8_t point[64];  // the low 8 bits
    uint8_t high[8];    // the ninth bit of eight points
    uint8_t signs[32];
    uint8_t scales[4];  // a nibble per group
  };
  static_assert(sizeof(Block) == 110);

  static constexpr size_t kRun = 4, kGroup = 32, kPoints = 512, kHalves = 1;
  static constexpr Signs kSigns = Signs::kFree;
  static constexpr int kScaleCodes = 16;
  static constexpr float kTop = 15;
  static float Multiplier(int code) { return 1.f + 2.f * static_cast<float>(code); }
  static constexpr const auto& kGrid = kGrid3s;
  static constexpr uint8_t kLevels[] = {1, 3, 5, 7, 9, 11, 13, 15};
  static constexpr size_t kBits = 3;
  static void FillBook(float (*level)[kRun]) { FillPackedBook<iq3_s>(level); }

  static void Encode(const float* x, const float* w, Block& b) { EncodePoints<iq3_s>(x, w, b); }
  static void PackPoints(const PointBlock& p, Block* b) {
    for (size_t i = 0; i < 8; ++i) b->high[i] = 0;
    for (size_t r = 0; r < 64; ++r) {
      b->point[r] = static_cast<uint8_t>(p.point[r]);
      b->high[r / 8] |= static_cast<uint8_t>(p.point[r] >> 8 << r % 8);
    }
    for (size_t i = 0; i < 32; ++i) b->signs[i] = p.signs[i];
    for (size_t g = 0; g < 8; ++g) PutNibble(p.scale[g], g, b->scales);
  }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d);
    for (size_t r = 0; r < 64; ++r) {
      const float scale = d * Multiplier(Nibble(b.scales, r / 8));
      DecodeRun<iq3_s>(scale, Point(b, r), b.signs[r / 2] >> r % 2 * 4, x + r * 4);
    }
  }
  static constexpr float kTolerance = 0.35f;

  static constexpr IntForm kIntForm = kLevelForm;
  static void Unpack(const Block& b, IntBlock* out) {
    out->d = F16ToF32(b.d);
    out->dmin = 0;
    for (size_t g = 0; g < 8; ++g) SetLevelGroup(g, 2 * Nibble(b.scales, g) + 1, out);
    for (size_t i = 0; i < kWeights; ++i) {
      const int level = kLevels[kGrid[Point(b, i / 4)] >> i % 4 * 3 & 7];
      out->code[i] = static_cast<uint8_t>(b.signs[i / 8] >> i % 8 & 1 ? 128 - level : 128 + level);
    }
  }

 private:
  static size_t Point(const Block& b, size_t r) {
    return static_cast<size_t>(b.point[r] | (b.high[r / 8] >> r % 8 & 1) << 8);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
