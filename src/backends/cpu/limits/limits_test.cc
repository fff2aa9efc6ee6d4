#include "backends/cpu/limits/limits.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace tern
