#include "compress/method.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "compress/grouped_rows.h"
#include "tensor/tensor.h"

namespace tern {
namespace {

std::vector<float> Normal(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.f, 0.02f);
  std::vector<float> values(n);
  for (float& x : values) x = normal(random);
  return values;
}

TEST(Method, UnknownNamesListWhatThereIs) {
  const auto method = FindMethod("gpqt");
  ASSERT_FALSE(method.ok());
  EXPECT_NE(method.error().what.find("rtn"), std::string::npos);
}

TEST(Scheme, NamesAreParsed) {
  const Scheme scheme = ParseScheme("int4_g128_asym").value();
  EXPECT_EQ(scheme.format->name, "q4_1");
  EXPECT_EQ(scheme.group, 128);
  EXPECT_FALSE(Fits(scheme, 576));
  EXPECT_TRUE(Fits(scheme, 1536));
  EXPECT_TRUE(Fits(ParseScheme("int8_channel").value(), 576));
  EXPECT_FALSE(Fits(ParseScheme("q4_k").value(), 576));
  EXPECT_FALSE(ParseScheme("int4_g100").ok());
}

TEST(Rtn, GroupsShareOneScaleAndStayWithinHalfAStep) {
  constexpr int64_t kRows = 3, kColumns = 256;
  const std::vector<float> weights = Normal(kRows * kColumns, 1);
  for (const char* name : {"int4_g64", "int4_g128", "int4_g128_asym", "int4_channel", "int8_channel"}) {
    const Scheme scheme = ParseScheme(name).value();
    const EncodeTask task{
        .name = "w", .weights = weights, .rows = kRows, .columns = kColumns, .scheme = &scheme};
    const auto encoded = FindMethod("rtn").value()->encode.value(task);
    ASSERT_TRUE(encoded.ok()) << name;
    const Tensor tensor{scheme.format, {kRows, kColumns}, encoded.value().bytes.data()};
    const std::vector<float> decoded = DecodeAll(tensor);
    const int64_t group = GroupOf(scheme, kColumns);
    for (int64_t g = 0; g < kRows * kColumns / group; ++g) {
      const auto part =
          std::span(weights).subspan(static_cast<size_t>(g * group), static_cast<size_t>(group));
      const float step = AbsMaxGrid(scheme, part).scale;
      for (size_t i = 0; i < part.size(); ++i) {
        EXPECT_NEAR(decoded[static_cast<size_t>(g * group) + i], part[i], 0.51f * step) << name;
      }
    }
  }
}

}  // namespace
}  // namespace tern
