#include "backends/cpu/decode/decode.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "base/isa.h"

namespace tern {
namespace {

// Random bytes: every scale there is, infinities and NaNs too.
std::vector<uint8_t> RandomBytes(size_t n) {
  std::mt19937 random(11);
  std::vector<uint8_t> bytes(n);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

TEST(Decode, EveryIsaGivesThePortableBits) {
  const uint32_t have = DetectIsa();
  for (const uint32_t isa : {uint32_t{kNone}, uint32_t{kAvx2}, uint32_t{kAvx2 | kAvx512}}) {
    if (!HasIsa(isa, have)) continue;
    for (const Format* format : AllFormats()) {
      for (const size_t blocks : {1, 2, 3, 31, 33, 1000}) {
        const size_t n = blocks * format->block_weights;
        const std::vector<uint8_t> bytes = RandomBytes(RowBytes(*format, n).value() + 1);
        std::vector<float> expected(n), decoded(n + 1, -7.f);
        format->decode(bytes.data() + 1, 0, expected.data(), n);
        PickDecode(*format, isa)(bytes.data() + 1, 0, decoded.data(), n);
        for (size_t i = 0; i < n; ++i) {
          ASSERT_TRUE(std::bit_cast<uint32_t>(decoded[i]) == std::bit_cast<uint32_t>(expected[i]) ||
                      (std::isnan(decoded[i]) && std::isnan(expected[i])))
              << format->name << " on " << IsaName(isa) << ": weight " << i << " is " << decoded[i]
              << ", expected " << expected[i];
        }
        ASSERT_EQ(decoded[n], -7.f) << format->name << " writes beyond its row";
      }
    }
  }
}

TEST(Decode, AFormatOutsideTheListDecodesByItself) {
  Format own = F32();
  EXPECT_EQ(PickDecode(own, DetectIsa()), own.decode);
  EXPECT_EQ(PickDecode(F32(), DetectIsa()) == own.decode, DetectIsa() == kNone);
}

}  // namespace
}  // namespace tern
