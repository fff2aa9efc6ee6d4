#include "compress/allocate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tern {
namespace {

UnitChoices RandomUnits(unsigned seed, size_t units) {
  std::mt19937 random(seed);
  UnitChoices all(units);
  for (auto& choices : all) {
    const int64_t size = 100 + static_cast<int64_t>(random() % 900);
    const double weight = std::exp(static_cast<double>(random() % 60) / 10 - 3);
    for (const int bits : {8, 6, 5, 4, 2}) {
      const double noise = 0.5 + static_cast<double>(random() % 100) / 100;
      choices.push_back({size * bits + static_cast<int64_t>(random() % 50),
                         weight * noise * std::exp2(-2 * bits),
                         static_cast<double>(size * bits) * 1e-9 * noise});
    }
  }
  return all;
}

// All allocations, one after another.
double LeastKld(const UnitChoices& units, const AllocationLimits& limits) {
  double best = std::numeric_limits<double>::infinity();
  std::vector<size_t> chosen(units.size(), 0);
  while (true) {
    const Allocation total = Total(units, chosen);
    if (total.bytes <= limits.bytes && total.seconds <= limits.seconds) best = std::min(best, total.kld);
    size_t unit = 0;
    while (unit < units.size() && ++chosen[unit] == units[unit].size()) chosen[unit++] = 0;
    if (unit == units.size()) return best;
  }
}

TEST(Allocate, FindsTheBestAndBoundsIt) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const UnitChoices units = RandomUnits(seed, 6);
    const int64_t most = Total(units, std::vector<size_t>(units.size(), 0)).bytes;
    for (const double share : {0.35, 0.5, 0.75}) {
      const AllocationLimits limits{.bytes = static_cast<int64_t>(share * static_cast<double>(most))};
      const auto found = SmallestKld(units, limits);
      ASSERT_TRUE(found.ok());
      const double best = LeastKld(units, limits);
      EXPECT_LE(found.value().bytes, limits.bytes);
      EXPECT_NEAR(found.value().kld, best, 1e-12 + 1e-9 * best) << seed << " " << share;
      EXPECT_LE(found.value().bound, best * (1 + 1e-9));
    }
  }
}

TEST(Allocate, KeepsALimitOnTimeToo) {
  const UnitChoices units = RandomUnits(3, 6);
  const Allocation widest = Total(units, std::vector<size_t>(units.size(), 0));
  const AllocationLimits limits{.bytes = widest.bytes * 3 / 4, .seconds = widest.seconds / 2};
  const auto found = SmallestKld(units, limits);
  ASSERT_TRUE(found.ok());
  EXPECT_LE(found.value().seconds, limits.seconds);
  EXPECT_LE(found.value().bound, LeastKld(units, limits) * (1 + 1e-9));
  EXPECT_LE(found.value().kld, 4 * LeastKld(units, limits));
}

TEST(Allocate, FewestBytesWithinAKld) {
  const UnitChoices units = RandomUnits(5, 40);
  const auto at = SmallestKld(units, {.bytes = Total(units, std::vector<size_t>(40, 3)).bytes});
  ASSERT_TRUE(at.ok());
  const auto found = SmallestBytes(units, {.kld = at.value().kld});
  ASSERT_TRUE(found.ok());
  EXPECT_LE(found.value().kld, at.value().kld);
  EXPECT_LE(static_cast<double>(found.value().bytes), 1.001 * static_cast<double>(at.value().bytes));
}

TEST(Allocate, SaysWhatCannotBe) {
  const UnitChoices units = RandomUnits(7, 5);
  EXPECT_FALSE(SmallestKld(units, {.bytes = 10}).ok());
  EXPECT_FALSE(SmallestKld(units, {.seconds = 1e-12}).ok());
  EXPECT_FALSE(SmallestBytes(units, {.kld = 1e-12}).ok());
}

}  // namespace
}  // namespace tern
