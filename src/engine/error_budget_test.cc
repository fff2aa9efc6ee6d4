#include "engine/error_budget.h"

#include <gtest/gtest.h>

#include "engine/sequences.h"
#include "engine/tiny_model.h"

namespace tern {
namespace {

constexpr std::string_view kText = "the quick brown fox jumps over the lazy dog, again and again";

SpentBudget Spend(const RunnerOptions& options, double kld) {
  auto spent = SpendErrorBudget(MakeTinyModel({.layers = 4}), options, kld, kText, {});
  EXPECT_TRUE(spent.ok()) << spent.error().what;
  return spent.ok() ? std::move(spent).value() : SpentBudget();
}

TEST(ErrorBudget, ReadsAnAmountWithItsMeasure) {
  EXPECT_EQ(ParseErrorBudget("kld=0.002").value(), 0.002);
  for (const char* wrong : {"0.002", "kld=", "kld=0", "kld=-1", "kld=0.1x", "kld=nan", "ppl=0.1", "kld=11"}) {
    EXPECT_EQ(ParseErrorBudget(wrong).error().what,
              std::string("error budget '") + wrong +
                  "', expected kld= and a number above 0, at most 10, as in kld=0.002");
  }
}

TEST(ErrorBudget, KeepsNothingThatCostsMoreAndAllThatFits) {
  const RunnerOptions options{
      .disabled_passes = {"block_sparse_attention"}};  // for which the text is too short
  const SpentBudget none = Spend(options, 1e-9);
  const SpentBudget all = Spend(options, 10);
  EXPECT_EQ(none.offers.size(), all.offers.size());
  EXPECT_EQ(all.Kept().size(), all.offers.size());
  EXPECT_GT(all.kld, 1e-4) << "leaving out layers must show";
  EXPECT_LE(none.kld, 1e-9);
  for (const MeasuredOffer& m : none.offers) EXPECT_FALSE(m.kept && m.kld > 1e-9) << m.offer.name;
  int skips = 0, lowered = 0;
  for (const MeasuredOffer& m : all.offers) {
    EXPECT_GT(m.offer.saved, 0) << m.offer.name;
    skips += m.offer.name.starts_with("skip_layers:blk.");
    lowered += m.offer.name.starts_with("lower_precision:");
  }
  EXPECT_EQ(skips, 2) << "all layers but the first and the last";
  EXPECT_EQ(lowered, 5) << "four layers and the head";
}

TEST(ErrorBudget, WhatIsKeptTogetherStaysWithinTheBudget) {
  const double whole = Spend({}, 10).kld;
  const SpentBudget half = Spend({}, whole / 2);
  EXPECT_LE(half.kld, whole / 2);
  EXPECT_FALSE(half.Kept().empty());
  EXPECT_LT(half.Kept().size(), half.offers.size());
}

TEST(ErrorBudget, GrantedRewritesAreMade) {
  const auto model = MakeTinyModel({.layers = 4});
  const auto count = [&](const RunnerOptions& options, std::string_view pass) {
    const auto runner = Runner::Make(model, options);
    EXPECT_TRUE(runner.ok());
    for (const PassReport& report : runner.value()->passes()) {
      if (report.name == pass) return report.changes;
    }
    return -1;
  };
  EXPECT_EQ(count({}, "skip_layers"), 0);
  EXPECT_EQ(count({.granted = {"skip_layers:blk.1", "skip_layers:blk.2"}}, "skip_layers"), 2);
  EXPECT_EQ(count({.granted = {"skip_layers:blk.0"}}, "skip_layers"), 0);
  EXPECT_GT(count({.granted = {"lower_precision:blk.1"}}, "lower_precision"), 0);
}

TEST(ErrorBudget, SkippedLayersOwnNoKv) {
  const auto model = MakeTinyModel({.layers = 4});
  const auto whole = Runner::Make(model, {});
  const auto half = Runner::Make(model, {.granted = {"skip_layers:blk.1", "skip_layers:blk.2"}});
  ASSERT_TRUE(whole.ok() && half.ok());
  EXPECT_EQ(half.value()->kv_token_bytes() * 2, whole.value()->kv_token_bytes());
  EXPECT_EQ(half.value()->bytes().kv * 2, whole.value()->bytes().kv);
  Sequences sequences(half.value().get());
  const SequenceId sequence = sequences.Open().value();
  const std::vector<int32_t> tokens(40, 7);
  const StepWork work{sequence, tokens, WantLogits::kLast};
  EXPECT_TRUE(sequences.Step({&work, 1}).ok());
}

TEST(ErrorBudget, ExactRunsOfferNoLowerPrecision) {
  for (const MeasuredOffer& m : Spend({.precision = Precision::kExact}, 0.01).offers)
    EXPECT_FALSE(m.offer.name.starts_with("lower_precision:")) << m.offer.name;
}

TEST(ErrorBudget, WhatATextIsTooShortForIsNeitherMeasuredNorKept) {
  int sparse = 0;
  for (const MeasuredOffer& m : Spend({}, 10).offers) {
    const bool needs_more = m.offer.name.starts_with("block_sparse_attention:");
    EXPECT_EQ(m.text_too_short, needs_more) << m.offer.name;
    EXPECT_FALSE(m.kept && needs_more) << m.offer.name;
    sparse += needs_more;
  }
  EXPECT_EQ(sparse, 4);
}

TEST(ErrorBudget, OnlyWhatIsOfferedCanBeGranted) {
  const auto model = MakeTinyModel({.layers = 3});
  EXPECT_TRUE(CheckGranted(*model, {}).ok());
  EXPECT_TRUE(CheckGranted(*model, {.granted = {"skip_layers:blk.1", "block_sparse_attention:1/4"}}).ok());
  const Status wrong = CheckGranted(*model, {.granted = {"skip_layers:blk.0"}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_TRUE(wrong.error().what.starts_with(
      "grant skip_layers:blk.0: not on offer, expected one of skip_layers:blk.1, "))
      << wrong.error().what;
}

TEST(ErrorBudget, NeedsTextAndATokenizer) {
  const auto model = MakeTinyModel();
  EXPECT_EQ(SpendErrorBudget(model, {}, 0.1, "", {}).error().what,
            "error budget: the text to measure on has no tokens");
}

TEST(ErrorBudget, TheBuiltInTextIsLongEnoughToMeasureOn) { EXPECT_GT(CalibrationText().size(), 2500u); }

}  // namespace
}  // namespace tern
