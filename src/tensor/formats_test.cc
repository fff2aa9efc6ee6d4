// What formats decode to, and the registry; check_format.h is run on every line of formats.list as it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "tensor/check_format.h"
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

// The digest that tests/reference/make_format_vectors.py prints: of 100 rows of 7 blocks of made-up bytes.
std::string Digest(const Format& format) {
  constexpr size_t kRows = 100, kBlocks = 7;
  uint64_t state = 1;
  std::vector<uint8_t> row(RowBytes(format, kBlocks * format.block_weights).value());
  std::vector<float> floats(kBlocks * format.block_weights);
  std::string all;
  for (size_t r = 0; r < kRows; ++r) {
    for (uint8_t& byte : row) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<uint8_t>(state >> 56);
    }
    format.decode(row.data(), 0, floats.data(), floats.size());
    for (const float x : floats) {
      const uint32_t bits = std::isnan(x) ? 0x7fc00000 : std::bit_cast<uint32_t>(x);
      all.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
    }
  }
  return Sha256Hex(all);
}

TEST(Formats, DecodeAsTheReferenceDoes) {
  std::ifstream file(TERN_SOURCE_DIR "/tests/formats/vectors.txt");
  ASSERT_TRUE(file.good());
  std::set<std::string> seen;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string name, row_hex, floats_hex;
    words >> name >> row_hex >> floats_hex;
    if (name == "digest") {
      ASSERT_NE(FindFormat(row_hex), nullptr) << row_hex;
      EXPECT_EQ(Digest(*FindFormat(row_hex)), floats_hex) << row_hex;
      continue;
    }
    seen.insert(name);
    const Format* format = FindFormat(name);
    ASSERT_NE(format, nullptr) << name;
    const std::vector<uint8_t> row = FromHex(row_hex), floats = FromHex(floats_hex);
    std::vector<float> expected(floats.size() / 4), decoded(floats.size() / 4);
    ASSERT_EQ(row.size(), RowBytes(*format, expected.size()).value()) << name;
    std::memcpy(expected.data(), floats.data(), floats.size());
    format->decode(row.data(), 0, decoded.data(), decoded.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_TRUE(SameFloat(decoded[i], expected[i]))
          << line.substr(0, 60) << ": weight " << i << " is " << decoded[i] << ", expected " << expected[i];
    }
  }
  EXPECT_EQ(seen.size(), AllFormats().size() - 1);  // f32 needs no vectors
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

TEST(Formats, EveryFormatKeepsItsPromises) {
  for (const Format* format : AllFormats()) CheckFormat(*format);
}

// Weights that are 2:4 and whole numbers of a scale come back as they were; of others the two furthest from
// zero.
TEST(Formats, SparseKeepsTwoOfFour) {
  const Format& q8_24 = *FindFormat("q8_24");
  constexpr float d = 0.0371f;  // no f16
  std::vector<float> x(64);
  for (size_t i = 0; i < x.size(); i += 4) {
    x[i + i / 4 % 4] = d * (i == 12 ? -127.f : static_cast<float>(i) - 20);
    x[i + (i / 4 + 1 + i % 3) % 4] = i % 3 == 2 ? 0 : -d;
  }
  EXPECT_EQ(RoundTrip(q8_24, x), x);
  const std::vector<float> dense = RandomWeights(64, 9), kept = RoundTrip(q8_24, dense);
  float furthest = 0;
  for (const float w : dense) furthest = std::max(furthest, std::abs(w));
  for (size_t i = 0; i < dense.size(); ++i) {
    const auto quad = dense.begin() + static_cast<ptrdiff_t>(i / 4 * 4);
    const auto further =
        std::count_if(quad, quad + 4, [&](float w) { return std::abs(w) > std::abs(dense[i]); });
    EXPECT_NEAR(kept[i], further < 2 ? dense[i] : 0, 0.51f / 127 * furthest) << i;
    EXPECT_TRUE(further < 2 || kept[i] == 0) << i;
  }
}

}  // namespace
}  // namespace tern
