#include "engine/token_logprobs.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tern {
namespace {

TEST(TokenLogprobs, AreThoseOfTheWholeRow) {
  const std::vector<float> logits = {1, 3, 2, 3, -NAN, -INFINITY};
  const double sum = std::exp(1.0) + 2 * std::exp(3.0) + std::exp(2.0);
  const TokenLogprobs found = FindLogprobs(logits, 2, 3);
  EXPECT_EQ(found.token, 2);
  EXPECT_NEAR(found.logprob, 2 - std::log(sum), 1e-6);
  ASSERT_EQ(found.top.size(), 3u);
  EXPECT_EQ(found.top[0].id, 1);  // of equals the first
  EXPECT_EQ(found.top[1].id, 3);
  EXPECT_EQ(found.top[2].id, 2);
  EXPECT_NEAR(found.top[0].logit, 3 - std::log(sum), 1e-6);
}

TEST(TokenLogprobs, NameNoMoreThanThereAre) {
  const std::vector<float> logits = {0, -INFINITY, 0};
  const TokenLogprobs found = FindLogprobs(logits, 1, 20);
  EXPECT_EQ(found.logprob, -INFINITY);
  ASSERT_EQ(found.top.size(), 2u);
  EXPECT_NEAR(found.top[1].logit, -std::log(2.0), 1e-6);
  EXPECT_TRUE(FindLogprobs(logits, 0, 0).top.empty());
}

}  // namespace
}  // namespace tern
