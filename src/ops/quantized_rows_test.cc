#include "ops/quantized_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "tensor/tensor.h"

namespace tern {
namespace {

struct Row {
  Row(const std::vector<float>& x, bool precise)
      : k(static_cast<int64_t>(x.size())),
        layout(QuantizedRow(k, precise)),
        buffer(layout.row_bytes),
        values(x.size()) {
    QuantizeRow(x.data(), k, precise, buffer.data());
    DequantizeRow(buffer.data(), k, precise, values.data());
  }
  template <class T>
  const T* part(size_t offset) const {
    return reinterpret_cast<const T*>(static_cast<const char*>(buffer.data()) + offset);
  }
  const float* scale() const { return part<float>(0); }
  const int8_t* hi() const { return part<int8_t>(layout.hi); }
  const int8_t* lo() const { return part<int8_t>(layout.lo); }

  int64_t k;
  QuantizedRowLayout layout;
  Buffer buffer;
  std::vector<float> values;
};

std::vector<float> RandomRow(size_t k, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(k);
  for (float& v : x) v = normal(random);
  return x;
}

TEST(QuantizedRows, PartsStartAtCacheLinesAndDoNotOverlap) {
  for (const int64_t k : {32, 64, 576, 640, 1000 * 32}) {
    const QuantizedRowLayout fast = QuantizedRow(k, false), precise = QuantizedRow(k, true);
    for (const size_t offset : {precise.sum_hi, precise.sum, precise.hi, precise.lo, precise.row_bytes}) {
      EXPECT_EQ(offset % 64, 0u);
    }
    const size_t n = static_cast<size_t>(k);
    EXPECT_GE(precise.sum_hi, n / 32 * 4);
    EXPECT_GE(precise.sum, precise.sum_hi + n / 16 * 4);
    EXPECT_GE(precise.hi, precise.sum + n / 16 * 4);
    EXPECT_GE(precise.lo, precise.hi + n);
    EXPECT_GE(precise.row_bytes, precise.lo + n);
    EXPECT_GE(fast.hi, fast.sum_hi + n / 16 * 4);
    EXPECT_GE(fast.row_bytes, fast.hi + n);
  }
}

TEST(QuantizedRows, ErrorIsHalfAStep) {
  for (const size_t k : {32, 96, 576, 2048}) {
    const std::vector<float> x = RandomRow(k, static_cast<uint32_t>(k));
    const Row fast(x, false), precise(x, true);
    for (size_t i = 0; i < k; ++i) {
      const float step = fast.scale()[i / 32];
      ASSERT_LE(std::abs(fast.values[i] - x[i]), step * 0.50001f);
      ASSERT_LE(std::abs(precise.values[i] - x[i]), step / 128 * 0.502f);
    }
  }
}

TEST(QuantizedRows, TheHighPlaneIsTheFastForm) {
  const std::vector<float> x = RandomRow(640, 3);
  const Row fast(x, false), precise(x, true);
  EXPECT_EQ(std::memcmp(fast.scale(), precise.scale(), 640 / 32 * 4), 0);
  EXPECT_EQ(std::memcmp(fast.hi(), precise.hi(), 640), 0);
  EXPECT_EQ(std::memcmp(fast.part<int32_t>(fast.layout.sum_hi), precise.part<int32_t>(precise.layout.sum_hi),
                        640 / 16 * 4),
            0);
}

TEST(QuantizedRows, SumsAddSixteenCodes) {
  const Row row(RandomRow(128, 4), true);
  for (int64_t g = 0; g < 128 / 16; ++g) {
    int high = 0, both = 0;
    for (int64_t i = g * 16; i < (g + 1) * 16; ++i) {
      high += row.hi()[i];
      both += 128 * row.hi()[i] + row.lo()[i];
    }
    EXPECT_EQ(row.part<int32_t>(row.layout.sum_hi)[g], high);
    EXPECT_EQ(row.part<int32_t>(row.layout.sum)[g], both);
  }
}

TEST(QuantizedRows, RoundsHalfToEven) {
  std::vector<float> x(32, 0);
  x[0] = 127;  // scale 1
  const float halves[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f};
  const int8_t expected[] = {0, 2, 2, 0, -2, -2};
  for (size_t i = 0; i < 6; ++i) x[i + 1] = halves[i];
  const Row row(x, true);
  ASSERT_EQ(row.scale()[0], 1.f);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(row.hi()[i + 1], expected[i]) << halves[i];
    EXPECT_EQ(row.values[i + 1], halves[i]);
    EXPECT_EQ(std::abs(row.lo()[i + 1]), 64) << halves[i];
  }
}

TEST(QuantizedRows, ZerosAndTinyGroupsAreZero) {
  for (const float value : {0.f, -0.f, 1e-45f, 0x1p-101f}) {
    const Row row(std::vector<float>(64, value), true);
    for (const float v : row.values) ASSERT_EQ(v, 0);
    EXPECT_EQ(row.scale()[0], 0);
  }
  const Row row(std::vector<float>(32, kActTiny), false);
  EXPECT_FLOAT_EQ(row.values[0], kActTiny);
}

TEST(QuantizedRows, NotFiniteGivesNanInItsGroupOnly) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    std::vector<float> x = RandomRow(96, 5);
    x[40] = bad;
    const Row row(x, true);
    for (size_t i = 0; i < 96; ++i) EXPECT_EQ(std::isnan(row.values[i]), i / 32 == 1) << i;
  }
}

TEST(QuantizedRows, LargeFloatsStayFinite) {
  const Row row(std::vector<float>(32, 3e38f), false);
  EXPECT_TRUE(std::isfinite(row.values[0]));
  EXPECT_EQ(row.hi()[0], 127);
}

}  // namespace
}  // namespace tern
