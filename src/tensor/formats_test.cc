// What every format must do, looped over AllFormats(): a new line in formats.list is tested by this file as
// it is.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>
#include <set>
#include <sstream>
#include <vector>

#include "tensor/format.h"

namespace tern {
namespace {

std::vector<uint8_t> FromHex(const std::string& hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// Same bits, or both a NaN (whose payload no format defines).
bool SameFloat(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

std::vector<float> RandomWeights(size_t n, uint32_t seed, float mean = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, 0.02f);
  std::vector<float> x(n);
  for (float& v : x) v = normal(random);
  return x;
}

std::vector<float> RoundTrip(const Format& format, const std::vector<float>& x) {
  // One byte off any alignment: a file may hold blocks anywhere.
  std::vector<uint8_t> bytes(RowBytes(format, x.size()).value() + 1);
  format.encode(x.data(), bytes.data() + 1, x.size());
  std::vector<float> out(x.size());
  format.decode(bytes.data() + 1, out.data(), out.size());
  return out;
}

TEST(Formats, DecodeAsTheReferenceDoes) {
  std::ifstream file(TERN_SOURCE_DIR "/tests/formats/vectors.txt");
  ASSERT_TRUE(file.good());
  std::set<std::string> seen;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string name, block_hex, floats_hex;
    words >> name >> block_hex >> floats_hex;
    seen.insert(name);
    const Format* format = FindFormat(name);
    ASSERT_NE(format, nullptr) << name;
    const std::vector<uint8_t> block = FromHex(block_hex), floats = FromHex(floats_hex);
    ASSERT_EQ(block.size(), format->block_bytes) << name;
    ASSERT_EQ(floats.size(), format->block_weights * 4) << name;
    std::vector<float> expected(format->block_weights), decoded(format->block_weights);
    std::memcpy(expected.data(), floats.data(), floats.size());
    format->decode(block.data(), decoded.data(), decoded.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_TRUE(SameFloat(decoded[i], expected[i]))
          << line.substr(0, 60) << ": weight " << i << " is " << decoded[i] << ", expected " << expected[i];
    }
  }
  EXPECT_EQ(seen.size(), 13u);
}

TEST(Formats, AreFoundByNameAndType) {
  std::set<uint32_t> types;
  for (const Format* format : AllFormats()) {
    EXPECT_EQ(FindFormat(format->name), format);
    EXPECT_EQ(FindGgufType(format->gguf_type), format);
    EXPECT_TRUE(types.insert(format->gguf_type).second) << format->name << ": type id taken";
  }
  EXPECT_EQ(FindFormat("q9_z"), nullptr);
  EXPECT_EQ(FindGgufType(4), nullptr);
  EXPECT_EQ(F32().name, "f32");
}

TEST(Formats, RowBytesCountsWholeBlocks) {
  const Format& q4_0 = *FindFormat("q4_0");
  EXPECT_EQ(RowBytes(q4_0, 0).value(), 0u);
  EXPECT_EQ(RowBytes(q4_0, 576).value(), 324u);
  const Result<size_t> ragged = RowBytes(q4_0, 33);
  ASSERT_FALSE(ragged.ok());
  EXPECT_EQ(ragged.error().what, "q4_0: row of 33 weights, expected a multiple of 32");
  EXPECT_FALSE(RowBytes(F32(), std::numeric_limits<uint64_t>::max()).ok());
}

TEST(Formats, RoundTripWithinTolerance) {
  for (const Format* format : AllFormats()) {
    for (const size_t blocks : {1, 3, 7, 33, 100}) {
      for (const float mean : {0.f, 0.05f, -0.3f}) {
        const size_t width = format->block_weights;
        const std::vector<float> x = RandomWeights(blocks * width, static_cast<uint32_t>(blocks), mean);
        const std::vector<float> y = RoundTrip(*format, x);
        for (size_t b = 0; b < blocks; ++b) {
          float furthest = 0;
          for (size_t i = 0; i < width; ++i) furthest = std::max(furthest, std::abs(x[b * width + i]));
          for (size_t i = b * width; i < (b + 1) * width; ++i) {
            ASSERT_LE(std::abs(x[i] - y[i]), format->tolerance * furthest)
                << format->name << " mean " << mean << " weight " << i << ": " << x[i] << " became " << y[i];
          }
        }
      }
    }
  }
}

TEST(Formats, ZerosStayZero) {
  for (const Format* format : AllFormats()) {
    for (const float y : RoundTrip(*format, std::vector<float>(3 * format->block_weights))) {
      ASSERT_EQ(y, 0) << format->name;
    }
  }
}

TEST(Formats, ExtremesNeitherTrapNorTurnIntoNumbers) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Format* format : AllFormats()) {
    for (const float tiny : {1e-45f, 1e-38f, 1e-20f, 1e-8f}) {
      const std::vector<float> x(format->block_weights, tiny);
      for (const float y : RoundTrip(*format, x)) ASSERT_LE(std::abs(y), 2 * tiny + 1e-6f) << format->name;
    }
    for (const float bad : {infinity, -infinity, nan}) {
      std::vector<float> x = RandomWeights(format->block_weights, 1);
      x.back() = bad;
      ASSERT_FALSE(std::isfinite(RoundTrip(*format, x).back())) << format->name << " from " << bad;
    }
    RoundTrip(*format, std::vector<float>(format->block_weights, 3e38f));
  }
}

// Every product in the form is exact in f32, so this is bit-identical to decode whatever order decode
// multiplies in.
TEST(Formats, DecodeEqualsTheIntegerForm) {
  std::mt19937 random(7);
  for (const Format* format : AllFormats()) {
    const IntForm& form = format->int_form;
    if (form.bits == 0) continue;
    ASSERT_TRUE(format->unpack != nullptr && (form.group == 16 || form.group == 32)) << format->name;
    for (int round = 0; round < 200; ++round) {
      std::vector<uint8_t> block(format->block_bytes);
      for (uint8_t& byte : block) byte = static_cast<uint8_t>(random());
      std::vector<float> decoded(format->block_weights);
      format->decode(block.data(), decoded.data(), decoded.size());
      IntBlock ints;
      std::memset(&ints, 0xff, sizeof(ints));
      format->unpack(block.data(), &ints);
      for (size_t i = 0; i < decoded.size(); ++i) {
        const size_t g = i / form.group;
        ASSERT_LT(ints.code[i], 1u << form.bits);
        ASSERT_TRUE(form.two_level || (ints.sc[g] == 1 && ints.mn[g] == 1)) << format->name;
        const float scale = ints.d * ints.sc[g];
        const float product = scale * static_cast<float>(ints.code[i] - form.zero);
        const float weight = form.has_min ? product - ints.dmin * ints.mn[g] : product;
        ASSERT_TRUE(SameFloat(decoded[i], weight)) << format->name << " weight " << i;
        ASSERT_TRUE(form.has_min || ints.dmin == 0) << format->name;
      }
    }
  }
}

}  // namespace
}  // namespace tern
