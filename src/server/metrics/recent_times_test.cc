#include "server/metrics/recent_times.h"

#include <gtest/gtest.h>

#include <limits>

namespace tern {
namespace {

using std::chrono::seconds;

const RecentTimes::Clock::time_point kStart{seconds(1'000'000)};

TEST(RecentTimes, QuantilesAreNearWhatWasObserved) {
  RecentTimes times;
  EXPECT_FALSE(times.Now(kStart));
  for (int i = 1; i <= 1000; ++i) times.Observe(1e-3 * i, kStart);
  const auto quantiles = times.Now(kStart);
  ASSERT_TRUE(quantiles);
  EXPECT_NEAR(quantiles->p50, 0.5, 0.5 * 0.05);
  EXPECT_NEAR(quantiles->p99, 0.99, 0.99 * 0.05);
}

TEST(RecentTimes, AMinuteLaterTheyAreForgotten) {
  RecentTimes times;
  times.Observe(1, kStart);
  EXPECT_TRUE(times.Now(kStart + seconds(54)));
  EXPECT_FALSE(times.Now(kStart + seconds(60)));
  times.Observe(4, kStart + seconds(30));
  times.Observe(2, kStart + seconds(60));  // where the first one was
  const auto quantiles = times.Now(kStart + seconds(61));
  ASSERT_TRUE(quantiles);
  EXPECT_NEAR(quantiles->p50, 2, 0.1);
  EXPECT_NEAR(quantiles->p99, 4, 0.2);
}

TEST(RecentTimes, WhateverIsObservedHasAPlace) {
  RecentTimes times;
  for (const double value : {0.0, -1.0, 1e-9, 1e9}) times.Observe(value, kStart);
  times.Observe(std::numeric_limits<double>::infinity(), kStart);
  const auto quantiles = times.Now(kStart);
  ASSERT_TRUE(quantiles);
  EXPECT_LT(quantiles->p50, 1e-5);
  EXPECT_GT(quantiles->p99, 1000);
}

}  // namespace
}  // namespace tern
