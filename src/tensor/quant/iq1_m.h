#pragma once
// iq1_m: 256 weights in 16 groups of 16. Each 8 weights are one of 2048 points, moved up or down; 3-bit scale
// per group. 1.75 bits per weight.
#include "tensor/quant/iq1_points.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq1_m {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 29;
  struct [[gnu::packed]] Block {
    uint8_t point[32];  // the low 8 bits
    uint8_t high[16];   // a nibble per point: its high 3 bits, and 8: down
    uint16_t
        scales[4];  // of four groups, 3 bits each; above them 4 bits of the block's f16 d, the lowest first
  };
  static_assert(sizeof(Block) == 56);

  static constexpr size_t kRun = 8, kGroup = 16, kPoints = 2 * kPoints1, kHalves = 1;
  static constexpr Signs kSigns = Signs::kInPoints;
  static constexpr int kScaleCodes = 8;
  static constexpr float kTop = 1.125f;
  static float Multiplier(int code) { return 2.f * static_cast<float>(code) + 1.f; }
  static void FillBook(float (*level)[kRun]) { FillBook1(level); }

  static void Encode(const float* x, const float* w, Block& b) {
    const Codebook<iq1_m> book;
    const uint16_t d = F32ToF16(FitPointScale<iq1_m>(book, x, RowImportance(w, kWeights), kWeights));
    PointBlock p;
    FitPoints<iq1_m>(book, x, w, F16ToF32(d), &p);
    for (size_t r = 0; r < 32; ++r) {
      b.point[r] = static_cast<uint8_t>(p.point[r]);
      PutNibble(p.point[r] >> 8, r, b.high);
    }
    for (size_t i = 0; i < 4; ++i) {
      const uint8_t* scale = p.scale + i * 4;
      const int d_bits = d >> i * 4 & 15;
      b.scales[i] =
          static_cast<uint16_t>(scale[0] | scale[1] << 3 | scale[2] << 6 | scale[3] << 9 | d_bits << 12);
    }
  }
  static void Decode(const Block& b, float* x) {
    int d_bits = 0;
    for (size_t i = 0; i < 4; ++i) d_bits |= b.scales[i] >> 12 << i * 4;
    const float d = F16ToF32(static_cast<uint16_t>(d_bits));
    for (size_t r = 0; r < 32; ++r) {
      const int scale = b.scales[r / 8] >> r / 2 % 4 * 3 & 7;
      DecodeRun1(d * Multiplier(scale), static_cast<size_t>(b.point[r] | Nibble(b.high, r) << 8), x + r * 8);
    }
  }
  static constexpr float kTolerance = 0.85f;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
