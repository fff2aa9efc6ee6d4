#include "base/duration_text.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

TEST(ParseDuration, AsGoWritesThem) {
  EXPECT_EQ(ParseDuration("90"), 90);
  EXPECT_EQ(ParseDuration("1.5"), 1.5);
  EXPECT_EQ(ParseDuration("-1"), -1);
  EXPECT_EQ(ParseDuration("1h30m"), 5400);
  EXPECT_EQ(ParseDuration("250ms"), 0.25);
  EXPECT_EQ(ParseDuration("-1m"), -60);
  EXPECT_EQ(ParseDuration("0s"), 0);
  for (const char* wrong : {"", "-", "m", "1x", "1m2", "nan", "inf", "--1", "1m-2s", "1e999"}) {
    EXPECT_FALSE(ParseDuration(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace tern
