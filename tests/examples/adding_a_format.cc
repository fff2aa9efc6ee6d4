// The weight format of docs/adding-a-format.md, held to what every format must do.

#include <gtest/gtest.h>

// ---- src/tensor/quant/q8_x.h
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q8_x {
  static constexpr size_t kWeights = 32;
  static constexpr uint32_t kGgufType = 1000001;
  struct [[gnu::packed]] Block {
    uint16_t d, m;  // f16; weight = d * code + m
    uint8_t q[kWeights];
  };

  static void Encode(const float* x, const float* w, Block& b) {
    const Affine fit = SearchAffine(x, w, kWeights, 255, false);
    b.d = F32ToF16(fit.d);
    b.m = F32ToF16(-fit.minimum);
    const float inverse = Inverse(F16ToF32(b.d)), m = F16ToF32(b.m);
    for (size_t i = 0; i < kWeights; ++i) {
      b.q[i] = static_cast<uint8_t>(NearestCode((x[i] - m) * inverse, 0, 255));
    }
  }
  static void Decode(const Block& b, float* x) {
    const float d = F16ToF32(b.d), m = F16ToF32(b.m);
    for (size_t i = 0; i < kWeights; ++i) x[i] = d * static_cast<float>(b.q[i]) + m;
  }
  static constexpr float kTolerance = 1.5f / 255;

  static constexpr IntForm kIntForm = {.bits = 8, .group = 32, .has_min = true};
  static void Unpack(const Block& b, IntBlock* out) {
    SetScale(out, F16ToF32(b.d), -F16ToF32(b.m));
    for (size_t i = 0; i < kWeights; ++i) out->code[i] = b.q[i];
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
// ----

#include "tensor/check_format.h"
#include "tensor/describe_format.h"

namespace tern {
namespace {

TEST(AddingAFormat, TheExampleKeepsItsPromises) {
  constexpr Format format = DescribeFormat<isa_none::q8_x>("q8_x");
  EXPECT_EQ(RowBytes(format, 64).value(), 72u);
  CheckFormat(format);
}

}  // namespace
}  // namespace tern
