#include "compress/run_time.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

TEST(RunTime, GoesForwardThroughItsParts) {
  RunTime time({{"read", 10}, {"encode", 20}, {"measure", 10}});
  EXPECT_EQ(time.seconds(), 40);
  EXPECT_EQ(time.Share("read", 0, 4), 0);
  EXPECT_EQ(time.Share("read", 2, 4), 0.125);
  EXPECT_EQ(time.Share("encode", 1, 4), 0.375);
  EXPECT_EQ(time.Share("read", 1, 4), 0.375);  // again
  EXPECT_EQ(time.Share("other", 1, 1), 0.375);
  EXPECT_EQ(time.Share("measure", 9, 8), 1);
}

TEST(RunTime, KnowsNothingWithoutParts) {
  RunTime time;
  EXPECT_EQ(time.seconds(), 0);
  EXPECT_EQ(time.Share("read", 1, 2), 0);
}

}  // namespace
}  // namespace tern
