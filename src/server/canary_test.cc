#include "server/canary.h"

#include <gtest/gtest.h>

namespace tern {
namespace {

Canary Make(double percent = 5) {
  auto canary = Canary::Make("prod", {{"a", 100 - percent}, {"b", percent}});
  EXPECT_TRUE(canary.ok());
  return canary.value();
}

TEST(Canary, SharesAddUp) {
  EXPECT_EQ(Canary::Make("prod", {}).error().what, "prod: names no model, expected at least one in `to`");
  EXPECT_EQ(Canary::Make("prod", {{"a", 90}, {"b", 5}}).error().what,
            "prod: percents add up to 95, expected 100");
  EXPECT_EQ(Canary::Make("prod", {{"a", 105}, {"b", -5}}).error().what,
            "prod: b: percent -5, expected 0 to 100");
}

TEST(Canary, PicksByTheRequestsId) {
  const Canary canary = Make();
  int others = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = "req_" + std::to_string(i);
    const size_t target = canary.Pick(id);
    EXPECT_EQ(canary.Pick(id), target);
    others += static_cast<int>(target);
  }
  EXPECT_NEAR(others, 500, 100);
}

TEST(Canary, OneThatFailsLosesItsShareForGood) {
  Canary canary = Make(50);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(canary.Count(0, false, 0.1), "");
  for (int i = 0; i < 19; ++i) EXPECT_EQ(canary.Count(1, i < 2, 0.1), "");
  EXPECT_EQ(canary.Count(1, false, 0.1), "10.0 % of its last 20 answers failed, 0.0 % of a's");
  for (int i = 0; i < 500; ++i) EXPECT_EQ(canary.Count(1, false, 0.1), "");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(canary.Pick(std::to_string(i)), 0u);
  EXPECT_FALSE(canary.targets()[1].lost.empty());
  EXPECT_EQ(canary.targets()[0].share, 100);
  EXPECT_EQ(canary.targets()[1].share, 0);
  canary.Restore();
  size_t others = 0;
  for (int i = 0; i < 100; ++i) others += canary.Pick(std::to_string(i));
  EXPECT_GT(others, 20u);
}

TEST(Canary, OneThatIsSlowerLosesItsShare) {
  Canary canary = Make();
  for (int i = 0; i < 300; ++i) canary.Count(0, false, i % 10 == 0 ? 2.0 : 1.0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(canary.Count(1, false, i % 10 == 0 ? 2.9 : 1.0), "");
  std::string why;
  for (int i = 0; i < 30 && why.empty(); ++i) why = canary.Count(1, false, 3.1);
  EXPECT_EQ(why.substr(0, 29), "p95 of its last 106 answers i");
}

// The first one that a model gives may be slow: its file is read for it.
TEST(Canary, OneSlowAnswerSaysNothing) {
  Canary canary = Make();
  for (int i = 0; i < 20; ++i) canary.Count(0, false, 0.1);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(canary.Count(1, false, i == 0 ? 5 : 0.1), "");
}

TEST(Canary, AsBadAsTheFirstIsNotWorse) {
  Canary canary = Make();
  for (int i = 0; i < 200; ++i) canary.Count(0, i % 5 == 0, 0.1);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(canary.Count(1, i % 5 == 0, 0.14), "");
}

}  // namespace
}  // namespace tern
