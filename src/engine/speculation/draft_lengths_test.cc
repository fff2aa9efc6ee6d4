#include "engine/speculation/draft_lengths.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>

namespace tern {
namespace {

std::vector<int32_t> Tokens(std::string_view text) { return {text.begin(), text.end()}; }

TEST(NgramIndex, FindsTheLongestAndOfThoseTheLatest) {
  NgramIndex index(64);
  const auto find = [&](std::string_view text) {
    index.Update(Tokens(text));
    return index.Find(Tokens(text));
  };
  EXPECT_EQ(find("a").length, 0);
  EXPECT_EQ(find("ab").length, 0);
  EXPECT_EQ(find("abcdab").length, 2);
  EXPECT_EQ(find("abcdab").next, 2);
  EXPECT_EQ(find("abcdabcab").next, 6);        // behind the latest "ab"
  EXPECT_EQ(find("abcdabcabcdab").length, 6);  // "abcdab"
  EXPECT_EQ(find("abcdabcabcdab").next, 6);
  index.Clear();
  EXPECT_EQ(find("xyz").length, 0);
}

TEST(DraftText, CopiesIntoItself) {
  const Acceptance usual;
  DraftText text(6, 64, usual);
  text.Look(Tokens("xabab"));
  EXPECT_EQ(std::vector<int32_t>(text.tokens().begin(), text.tokens().end()), Tokens("ababab"));
  text.Look(Tokens("xababq"));
  EXPECT_EQ(text.size(), 0);
}

TEST(DraftText, BelievesWhatWasRight) {
  Acceptance usual;
  DraftText text(1, 64, usual);
  const float before = usual.Of(0);
  for (int i = 0; i < 40; ++i) {
    text.Look(Tokens("abcab"));
    EXPECT_TRUE(text.Learn(0, 'c', &usual));
    EXPECT_FALSE(text.Learn(1, 'a', &usual));  // there was none
  }
  text.Look(Tokens("abcab"));
  EXPECT_GT(text.Share(0), 0.9f);
  EXPECT_GT(usual.Of(0), before);
  for (int i = 0; i < 40; ++i) {
    text.Look(Tokens("abcab"));
    EXPECT_FALSE(text.Learn(0, 'x', &usual));
  }
  text.Look(Tokens("abcab"));
  EXPECT_LT(text.Share(0), 0.1f);
}

// Takes steps of `requests` texts that repeat themselves, of which drafts are right by `right`, on a machine
// with these costs. Returns how much faster they were than plain ones.
double Gain(int requests, double right, const std::function<double(int rows)>& seconds, double noise = 0,
            int steps = 1500) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  Acceptance usual;
  DraftLengths lengths;
  std::vector<std::unique_ptr<DraftText>> texts;
  std::vector<DraftText*> all;
  for (int i = 0; i < requests; ++i) {
    texts.push_back(std::make_unique<DraftText>(8, 64, usual));
    all.push_back(texts.back().get());
  }
  std::vector<int> chosen(all.size());
  double time = 0, tokens = 0;
  for (int step = 0; step < steps; ++step) {
    for (DraftText* text : all) text->Look(Tokens("abcdefghijkabcdefghijk"));
    lengths.Choose(all, 32, chosen);
    int rows = requests;
    for (size_t i = 0; i < all.size(); ++i) {
      rows += chosen[i];
      bool follows = true;
      for (int t = 0; t <= chosen[i] && follows; ++t) {
        ++tokens;
        follows = uniform(random) < right && t < all[i]->size();
        all[i]->Learn(t, follows ? all[i]->tokens()[static_cast<size_t>(t)] : -1, &usual);
      }
    }
    const double took = seconds(rows) * (1 + noise * uniform(random));
    lengths.Learn(rows, took);
    time += took;
  }
  const double plain = steps * seconds(requests) * (1 + noise / 2);
  return tokens / requests / steps * plain / time;
}

double Flat(int) { return 3e-3; }
double InProportion(int rows) { return 1e-3 * rows; }
// As measured: SmolLM2 on two cores.
double Measured(int rows) { return rows <= 4 ? (2.4 + 0.4 * rows) * 1e-3 : 0.82e-3 * rows + 0.7e-3; }

TEST(DraftLengths, LongWhereRowsCostNothing) { EXPECT_GT(Gain(1, 0.95, Flat), 5); }

TEST(DraftLengths, NoneWhereEveryRowCostsAsMuch) {
  for (const int requests : {1, 4, 16}) {
    for (const double right : {0.0, 0.5, 0.95})
      EXPECT_GT(Gain(requests, right, InProportion), 0.985) << requests;
  }
}

TEST(DraftLengths, NeverMuchSlowerThanWithout) {
  for (const int requests : {1, 2, 4, 8, 16, 40}) {
    for (const double right : {0.0, 0.1, 0.2, 0.4, 0.7, 0.9, 1.0}) {
      for (const double noise : {0.0, 0.5}) {
        EXPECT_GT(Gain(requests, right, Measured, noise), 0.975) << requests << " " << right << " " << noise;
      }
    }
  }
  EXPECT_GT(Gain(1, 0.9, Measured), 1.8);
  EXPECT_GT(Gain(4, 1.0, Measured), 1.05);
}

// A machine that becomes another one.
TEST(DraftLengths, CostsThatChangeAreFoundOut) {
  int calls = 0;
  const auto better = [&](int rows) { return ++calls < 3000 ? InProportion(rows) : Flat(rows); };
  EXPECT_GT(Gain(1, 0.95, better, 0, 8000), 1.0);
  DraftLengths lengths;
  for (int i = 0; i < 3; ++i) lengths.Learn(1, 1e-3);
  for (int i = 0; i < 3; ++i) lengths.Learn(9, 9e-3);
  EXPECT_TRUE(lengths.costs().IsBounded(5));
  EXPECT_FALSE(lengths.costs().IsBounded(10));
  EXPECT_NEAR(lengths.costs().Seconds(5), 5e-3, 1e-4);
  EXPECT_NEAR(lengths.costs().Seconds(18), 18e-3, 1e-3);
  for (int i = 0; i < 1100; ++i) lengths.Learn(1, 2e-3);
  EXPECT_FALSE(lengths.costs().IsBounded(5));            // too long ago
  EXPECT_NEAR(lengths.costs().Seconds(9), 18e-3, 6e-3);  // all became slower
}

}  // namespace
}  // namespace tern
