#include "backends/cpu/limits/limits.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "base/cpu_count.h"
#include "base/isa.h"

namespace tern {
namespace {

// Orders of magnitude only: the machine may be busy. What can go wrong is a loop that the compiler folded or
// a unit that is off by a thousand.
TEST(LimitsTest, AreThoseOfAMachine) {
  Team team(1);
  const MachineLimits none = MeasureLimits(team, kNone);
  for (const MachineLimits& limits : {none, MeasureLimits(team, DetectIsa())}) {
    EXPECT_GT(limits.read_gb_s, 0.2);
    EXPECT_LT(limits.read_gb_s, 1000);
    EXPECT_GT(limits.fp32_gflop_s, 1);
    EXPECT_LT(limits.fp32_gflop_s, 1000);
    EXPECT_GT(limits.int8_gop_s, 1);
    EXPECT_LT(limits.int8_gop_s, 4000);
    EXPECT_GT(limits.bf16_gflop_s, 1);
  }
}

// A yardstick of one thread makes every share of several look too good.
TEST(LimitsTest, AreOfAsManyThreadsAsABackendTakes) {
  EXPECT_EQ(MeasureLimits(0).threads, DefaultThreads());
  EXPECT_EQ(MeasureLimits(1).threads, 1);
}

TEST(LimitsTest, ReadingAloneTakesLittleMemoryAndAgrees) {
  rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  const double rate = MeasureReadRate(1);
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 140 << 10) << "KiB";
  if (rate == 0) GTEST_SKIP() << "the last cache is too large";
  EXPECT_GT(rate, 0.2);
  EXPECT_LT(rate, 1000);
}

}  // namespace
}  // namespace tern
