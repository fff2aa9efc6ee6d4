#include "engine/divergence.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tern {
namespace {

// `windows` windows of four tokens, with KLDs 0, 1, 2, ... hundredths.
std::vector<ScoredToken> MakeTokens(int windows) {
  std::vector<ScoredToken> tokens;
  for (int window = 0; window < windows; ++window) {
    for (int i = 0; i < 4; ++i) {
      tokens.push_back({.window = window,
                        .position = 10 + i,
                        .same_top = i != 3,
                        .nll = 2.1,
                        .reference_nll = 2,
                        .kld = 0.01 * static_cast<double>(tokens.size())});
    }
  }
  return tokens;
}

TEST(Divergence, HasTheMeansAndRanksOfItsTokens) {
  const Divergence d = Summarize(MakeTokens(2), true);  // 0 to 0.07
  EXPECT_EQ(d.tokens, 8);
  EXPECT_EQ(d.windows, 2);
  EXPECT_NEAR(d.kld_mean, 0.035, 1e-12);
  EXPECT_NEAR(d.kld_median, 0.035, 1e-12);
  EXPECT_NEAR(d.kld_p99, 0.0693, 1e-12);  // rank 6.93 of 0 to 7
  EXPECT_NEAR(d.kld_p999, 0.06993, 1e-12);
  EXPECT_NEAR(d.kld_max, 0.07, 1e-12);
  EXPECT_NEAR(d.top1, 0.75, 1e-12);
  EXPECT_NEAR(d.perplexity, std::exp(2.1), 1e-9);
  EXPECT_NEAR(d.reference_perplexity, std::exp(2.0), 1e-9);
  EXPECT_NEAR(d.ln_ppl_ratio, 0.1, 1e-12);
  EXPECT_NEAR(d.delta_p_rms, std::exp(-2.0) - std::exp(-2.1), 1e-12);
}

TEST(Divergence, FewWindowsHaveNoInterval) {
  EXPECT_FALSE(Summarize(MakeTokens(7), true).kld_interval);
  EXPECT_TRUE(Summarize(MakeTokens(8), true).kld_interval);
}

TEST(Divergence, IntervalsFollowTheSpreadOfWindowsNotOfTokens) {
  // Tokens differ a hundredfold, windows do not.
  std::vector<ScoredToken> tokens;
  for (int window = 0; window < 20; ++window) {
    tokens.push_back({.window = window, .kld = 0.01});
    tokens.push_back({.window = window, .kld = 1});
  }
  const Divergence same = Summarize(tokens, true);
  ASSERT_TRUE(same.kld_interval);
  EXPECT_NEAR(same.kld_interval->low, 0.505, 1e-9);
  EXPECT_NEAR(same.kld_interval->high, 0.505, 1e-9);
  // Windows of 0.01 and of 1, twenty of each: the standard error of the mean is 0.495 / sqrt(40).
  for (ScoredToken& t : tokens) t.window = t.window * 2 + (t.kld > 0.5);
  const Divergence other = Summarize(tokens, true);
  ASSERT_TRUE(other.kld_interval);
  EXPECT_NEAR(other.kld_interval->low, 0.505 - 1.96 * 0.0783, 0.02);
  EXPECT_NEAR(other.kld_interval->high, 0.505 + 1.96 * 0.0783, 0.02);
  EXPECT_EQ(other.kld_interval->low, Summarize(tokens, true).kld_interval->low);
}

TEST(Divergence, WithoutAReferenceThereIsOnlyPerplexity) {
  const Divergence d = Summarize(MakeTokens(9), false);
  EXPECT_NEAR(d.perplexity, std::exp(2.1), 1e-9);
  EXPECT_EQ(d.reference_perplexity, 0);
  EXPECT_FALSE(d.kld_interval);
  EXPECT_EQ(Summarize({}, true).tokens, 0);
}

TEST(Divergence, PositionsAreBinned) {
  const std::vector<PositionKld> by_position = KldByPosition(MakeTokens(2), 2);
  ASSERT_EQ(by_position.size(), 2u);
  EXPECT_EQ(by_position[0].first, 10);
  EXPECT_EQ(by_position[0].last, 11);
  EXPECT_EQ(by_position[1].last, 13);
  EXPECT_EQ(by_position[0].tokens, 4);
  EXPECT_NEAR(by_position[0].kld, 0.025, 1e-12);  // of 0, 1, 4, 5
  EXPECT_EQ(KldByPosition(MakeTokens(2), 100).size(), 4u);
  EXPECT_TRUE(KldByPosition({}, 4).empty());
}

}  // namespace
}  // namespace tern
