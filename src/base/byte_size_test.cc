#include "base/byte_size.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

TEST(ParseSize, SizesAreBytesUnlessSpelledOut) {
  EXPECT_EQ(ParseSize("90M").value(), 90'000'000);
  EXPECT_EQ(ParseSize("90MB").value(), 90'000'000);
  EXPECT_EQ(ParseSize("90MiB").value(), 90 << 20);
  EXPECT_EQ(ParseSize("1.5g").value(), 1'500'000'000);
  EXPECT_EQ(ParseSize("123456").value(), 123456);
  for (const char* wrong : {"", "M", "90X", "-3M", "0", "nan", "1e30"})
    EXPECT_FALSE(ParseSize(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace tern
