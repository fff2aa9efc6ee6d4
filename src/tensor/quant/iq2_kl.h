#pragma once
// iq2_kl (ik_llama.cpp): an f16 scale per row; 256 weights in 8 groups of 32. Each 2 weights are one of 32
// points; 6-bit signed scale per group. 2.6875 bits per weight.
#include "tensor/quant/codebook.h"
#include "tensor/quant/levels.h"

namespace tern::TERN_ISA_NS {
namespace {

struct iq2_kl {
  static constexpr size_t kWeights = kSuperBlock;
  static constexpr uint32_t kGgufType = 157;
  struct [[gnu::packed]] RowPrefix {
    uint16_t d;
  };
  struct [[gnu::packed]] Block {
    uint16_t scales_high;   // the high 2 bits of scale + 32, 2 bits per group
    uint8_t scales_low[4];  // the low 4 bits, of groups 0-3 in the low nibbles, 4-7 in the high
    uint8_t point[64];      // the low 4 bits; per 2 groups 16 bytes, the first group in the low nibbles
    uint8_t high[16];       // bit g of byte i: the fifth bit of point i of group g
  };
  static_assert(sizeof(Block) == 86);

  static constexpr size_t kRun = 2, kGroup = 32, kPoints = 32, kHalves = 1;
  static constexpr Signs kSigns = Signs::kInPoints;
  static constexpr int kScaleCodes = 64;
  static constexpr float kTop = 63;
  static float Multiplier(int code) { return static_cast<float>(code - 32); }
  // In octal: the last digit is the first weight's index into kLevels3[0], the digit before it the second's.
  static constexpr uint8_t kGrid[kPoints] = {020, 050, 001, 031, 051, 071, 012, 022, 042, 052, 062,
                                             003, 043, 053, 073, 024, 034, 044, 054, 064, 015, 025,
                                             035, 045, 055, 006, 026, 046, 066, 076, 027, 057};
  static constexpr const auto& kLevels = kLevels3[0];
  static constexpr size_t kBits = 3;
  static void FillBook(float (*level)[kRun]) { FillPackedBook<iq2_kl>(level); }

  static void EncodePrefix(const float* x, const RowImportance& shares, size_t n, RowPrefix& row) {
    row.d = F32ToF16(FitPointScale<iq2_kl>(Codebook<iq2_kl>(), x, shares, n));
  }
  static void Encode(const float* x, const float* w, const RowPrefix& row, Block& b) {
    PointBlock p;
    FitPoints<iq2_kl>(Codebook<iq2_kl>(), x, w, F16ToF32(row.d), &p);
    int scales_high = 0;
    for (uint8_t& byte : b.high) byte = 0;
    for (size_t g = 0; g < 8; ++g) {
      scales_high |= p.scale[g] >> 4 << g * 2;
      PutNibble(p.scale[g] & 15, g % 4 * 2 + g / 4, b.scales_low);
      for (size_t i = 0; i < 16; ++i) {
        const int point = p.point[g * 16 + i];
        PutNibble(point & 15, (g / 2 * 16 + i) * 2 + g % 2, b.point);
        b.high[i] |= static_cast<uint8_t>(point >> 4 << g);
      }
    }
    b.scales_high = static_cast<uint16_t>(scales_high);
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) {
    const float d = F16ToF32(row.d);
    for (size_t g = 0; g < 8; ++g) {
      const float scale = d * Multiplier(ScaleCode(b, g));
      for (size_t i = 0; i < 16; ++i) DecodeRun<iq2_kl>(scale, Point(b, g, i), 0, x + g * 32 + i * 2);
    }
  }
  static constexpr float kTolerance = 0.55f;

  static constexpr IntForm kIntForm = kLevelForm;
  static void Unpack(const RowPrefix& row, const Block& b, IntBlock* out) {
    out->d = F16ToF32(row.d);
    out->dmin = 0;
    for (size_t g = 0; g < 8; ++g) {
      SetLevelGroup(g, ScaleCode(b, g) - 32, out);
      for (size_t i = 0; i < 16; ++i) {
        const int point = kGrid[Point(b, g, i)];
        uint8_t* code = out->code + g * 32 + i * 2;
        code[0] = static_cast<uint8_t>(kLevels[point & 7] + 128);
        code[1] = static_cast<uint8_t>(kLevels[point >> 3] + 128);
      }
    }
  }

 private:
  static int ScaleCode(const Block& b, size_t g) {
    return Nibble(b.scales_low, g % 4 * 2 + g / 4) | (b.scales_high >> g * 2 & 3) << 4;
  }
  static size_t Point(const Block& b, size_t g, size_t i) {
    return static_cast<size_t>(Nibble(b.point, (g / 2 * 16 + i) * 2 + g % 2) | (b.high[i] >> g & 1) << 4);
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
