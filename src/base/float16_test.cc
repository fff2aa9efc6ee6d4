#include "base/float16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

namespace tern {
namespace {

// By the definition of binary16, in double.
double F16Value(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double magnitude = exponent == 0    ? std::ldexp(mantissa, -24)
                           : exponent == 31 ? (mantissa ? std::nan("") : INFINITY)
                                            : std::ldexp(1024 + mantissa, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

TEST(Float16, EveryF16IsExactAndComesBack) {
  for (uint32_t i = 0; i < 0x10000; ++i) {
    const uint16_t bits = static_cast<uint16_t>(i);
    const float x = F16ToF32(bits);
    if (std::isnan(F16Value(bits))) {
      ASSERT_TRUE(std::isnan(x)) << i;
      ASSERT_EQ(F32ToF16(x), bits | 0x200) << i;
    } else {
      ASSERT_EQ(static_cast<double>(x), F16Value(bits)) << i;
      ASSERT_EQ(std::signbit(x), bits >> 15 != 0) << i;
      ASSERT_EQ(F32ToF16(x), bits) << i;
    }
  }
}

// Between neighbours a < b, everything below the middle goes to a, above it to b, the middle to the even one.
TEST(Float16, F16RoundsToNearestEven) {
  for (uint32_t i = 0; i < 0x7c00; ++i) {
    const double a = F16Value(static_cast<uint16_t>(i));
    const double b = i == 0x7bff ? 65536 : F16Value(static_cast<uint16_t>(i + 1));
    const float middle = static_cast<float>((a + b) / 2);
    const uint16_t low = static_cast<uint16_t>(i), high = static_cast<uint16_t>(i + 1);
    ASSERT_EQ(F32ToF16(middle), i % 2 ? high : low) << i;
    ASSERT_EQ(F32ToF16(std::nextafter(middle, 0.f)), low) << i;
    ASSERT_EQ(F32ToF16(std::nextafter(middle, INFINITY)), high) << i;
    ASSERT_EQ(F32ToF16(-middle), 0x8000 | (i % 2 ? high : low)) << i;
  }
  EXPECT_EQ(F32ToF16(1e30f), 0x7c00);
  EXPECT_EQ(F32ToF16(-INFINITY), 0xfc00);
  EXPECT_EQ(F32ToF16(1e-45f), 0);
  EXPECT_EQ(F32ToF16(-1e-30f), 0x8000);
}

TEST(Float16, Bf16IsTheUpperHalfRounded) {
  for (uint32_t i = 0; i < 0x10000; ++i) {
    const uint16_t bits = static_cast<uint16_t>(i);
    const float x = Bf16ToF32(bits);
    ASSERT_EQ(std::bit_cast<uint32_t>(x), i << 16);
    if (std::isnan(x)) {
      ASSERT_EQ(F32ToBf16(x), bits | 0x40) << i;
      continue;
    }
    ASSERT_EQ(F32ToBf16(x), bits) << i;
    if (std::isinf(x)) continue;
    ASSERT_EQ(F32ToBf16(std::bit_cast<float>(i << 16 | 0x7fff)), bits) << i;
    ASSERT_EQ(F32ToBf16(std::bit_cast<float>(i << 16 | 0x8000)), i + i % 2) << i;
    ASSERT_EQ(F32ToBf16(std::bit_cast<float>(i << 16 | 0x8001)), i + 1) << i;
  }
}

static_assert(F16ToF32(0x3c00) == 1.f && F32ToF16(-2.f) == 0xc000 && F32ToBf16(1.f) == 0x3f80);

}  // namespace
}  // namespace tern
