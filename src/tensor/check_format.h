#pragma once
// CheckFormat: what every format must do, for tests. formats_test.cc runs it over formats.list; a format
// outside the list can be held to it too.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "tensor/format.h"

namespace tern {

// Same bits, or both a NaN (whose payload no format defines).
inline bool SameFloat(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

inline std::vector<float> RandomWeights(size_t n, uint32_t seed, float mean = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, 0.02f);
  std::vector<float> x(n);
  for (float& v : x) v = normal(random);
  return x;
}

inline std::vector<float> RoundTrip(const Format& format, const std::vector<float>& x) {
  // One byte off any alignment: a file may hold blocks anywhere.
  std::vector<uint8_t> bytes(RowBytes(format, x.size()).value() + 1);
  format.encode(x.data(), nullptr, bytes.data() + 1, x.size());
  std::vector<float> out(x.size());
  format.decode(bytes.data() + 1, 0, out.data(), out.size());
  return out;
}

// Errors stay within the tolerance, for odd numbers of blocks and for weights that are not centred on zero.
inline void CheckRoundTrip(const Format& format) {
  const size_t width = format.block_weights;
  for (const size_t blocks : {1, 3, 7, 33, 100}) {
    if (blocks * width > 4096 && blocks > 7) break;
    for (const float mean : {0.f, 0.05f, -0.3f}) {
      const std::vector<float> x = RandomWeights(blocks * width, static_cast<uint32_t>(blocks), mean);
      const std::vector<float> y = RoundTrip(format, x);
      for (size_t i = 0; i < x.size(); ++i) {
        const auto block = x.begin() + static_cast<ptrdiff_t>(i / width * width);
        float furthest = 0;
        for (auto w = block; w < block + static_cast<ptrdiff_t>(width); ++w)
          furthest = std::max(furthest, std::abs(*w));
        ASSERT_LE(std::abs(x[i] - y[i]), format.tolerance * furthest)
            << format.name << " mean " << mean << " weight " << i << ": " << x[i] << " became " << y[i];
      }
    }
  }
}

// Zeros stay zero; tiny weights stay tiny; a weight that is not finite does not come back as a number.
inline void CheckExtremes(const Format& format) {
  const size_t width = format.block_weights;
  for (const float y : RoundTrip(format, std::vector<float>(3 * width))) ASSERT_EQ(y, 0) << format.name;
  for (const float tiny : {1e-45f, 1e-38f, 1e-20f, 1e-8f}) {
    for (const float y : RoundTrip(format, std::vector<float>(width, tiny))) {
      ASSERT_LE(std::abs(y), 2 * tiny + 1e-6f) << format.name;
    }
  }
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> x = RandomWeights(width, 1);
    x.back() = bad;
    ASSERT_EQ(std::isfinite(RoundTrip(format, x).back()), format.finite_only)
        << format.name << " from " << bad;
  }
  RoundTrip(format, std::vector<float>(width, 3e38f));
}

// Every product in the integer form is exact in f32, so the form has decode's bits in whatever order it
// multiplies.
inline void CheckIntForm(const Format& format) {
  const IntForm& form = format.int_form;
  if (form.bits == 0) return;
  ASSERT_TRUE(format.unpack != nullptr && (form.group == 16 || form.group == 32)) << format.name;
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<uint8_t> row(BlockOffset(format, 2 * format.block_weights));
    for (uint8_t& byte : row) byte = static_cast<uint8_t>(random());
    std::vector<float> decoded(format.block_weights);
    const size_t first = round % 2 == 0 ? 0 : format.block_weights;
    format.decode(row.data(), first, decoded.data(), decoded.size());
    IntBlock ints;
    std::memset(&ints, 0xff, sizeof(ints));
    format.unpack(row.data(), first, &ints);
    ASSERT_TRUE(form.has_min || ints.dmin == 0) << format.name;
    for (size_t i = 0; i < decoded.size(); ++i) {
      const size_t g = i / form.group;
      ASSERT_LT(ints.code[i], 1u << form.bits);
      ASSERT_TRUE(form.two_level || (ints.sc[g] == 1 && ints.mn[g] == 1)) << format.name;
      const float scale = ints.d * ints.sc[g];
      const int level = form.has_levels() ? form.levels[ints.code[i]] : ints.code[i];
      const float product = scale * static_cast<float>(level - form.zero);
      const float weight = form.has_min ? product - ints.dmin * ints.mn[g] : product;
      ASSERT_TRUE(SameFloat(decoded[i], weight)) << format.name << " weight " << i;
    }
  }
}

// What pack writes, unpack reads; scales stay.
inline void CheckPack(const Format& format) {
  if (format.pack == nullptr) return;
  const std::vector<float> x = RandomWeights(2 * format.block_weights, 11);
  std::vector<uint8_t> row(RowBytes(format, x.size()).value());
  format.encode(x.data(), nullptr, row.data(), x.size());
  IntBlock before, after;
  format.unpack(row.data(), format.block_weights, &before);
  std::mt19937 random(13);
  std::vector<uint8_t> codes(format.block_weights);
  for (uint8_t& code : codes) code = static_cast<uint8_t>(random() % format.codes);
  format.pack(codes.data(), row.data(), format.block_weights);
  format.unpack(row.data(), format.block_weights, &after);
  EXPECT_TRUE(std::equal(codes.begin(), codes.end(), after.code)) << format.name;
  EXPECT_EQ(before.d, after.d) << format.name;
  EXPECT_EQ(before.dmin, after.dmin) << format.name;
  for (size_t g = 0; g < format.block_weights / format.int_form.group; ++g) {
    EXPECT_TRUE(before.sc[g] == after.sc[g] && before.mn[g] == after.mn[g]) << format.name;
  }
}

// A row decodes to the same bits in any pieces, and nothing beyond a piece is written.
inline void CheckPieces(const Format& format) {
  constexpr size_t kBlocks = 7;
  const size_t width = format.block_weights;
  std::mt19937 random(3);
  std::vector<uint8_t> row(RowBytes(format, kBlocks * width).value());
  ASSERT_EQ(row.size(), BlockOffset(format, kBlocks * width)) << format.name;
  for (uint8_t& byte : row) byte = static_cast<uint8_t>(random());
  std::vector<float> whole(kBlocks * width), piece(kBlocks * width + 1);
  format.decode(row.data(), 0, whole.data(), whole.size());
  for (size_t first = 0; first < kBlocks; ++first) {
    const size_t n = std::min<size_t>(kBlocks - first, 1 + first % 3) * width;
    piece[n] = -7;
    format.decode(row.data(), first * width, piece.data(), n);
    for (size_t i = 0; i < n; ++i) {
      ASSERT_TRUE(SameFloat(piece[i], whole[first * width + i]))
          << format.name << " block " << first << " weight " << i;
    }
    ASSERT_EQ(piece[n], -7) << format.name;
  }
}

inline void CheckFormat(const Format& format) {
  CheckPieces(format);
  CheckRoundTrip(format);
  CheckExtremes(format);
  CheckIntForm(format);
  CheckPack(format);
}

}  // namespace tern
