#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <set>

#include "engine/count_allocations.h"
#include "engine/samplers/softmax.h"

namespace tern {
namespace {

SamplingOptions Off() {
  SamplingOptions o;
  o.seed = 1;
  o.temperature = 1;
  o.top_k = 0;
  o.top_p = 1;
  o.min_p = 0;
  return o;
}

std::vector<float> Logs(std::initializer_list<double> probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

// Shares of 20,000 draws.
std::vector<double> Draw(const SamplingOptions& options, const std::vector<float>& logits,
                         const std::vector<int32_t>& history = {}) {
  constexpr int kDraws = 20000;
  Sampler sampler = Sampler::Make(options, static_cast<int>(logits.size())).value();
  std::vector<double> shares(logits.size());
  for (int i = 0; i < kDraws; ++i)
    shares[static_cast<size_t>(sampler.Sample(logits, history).value())] += 1.0 / kDraws;
  return shares;
}

void ExpectShares(const std::vector<double>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  // Four standard deviations of a share of 20,000 draws; what must not occur, does not.
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_NEAR(got[i], want[i], want[i] == 0 ? 0 : 4 * std::sqrt(want[i] * (1 - want[i]) / 20000) + 1e-9)
        << i;
  }
}

TEST(Sampler, PlainSamplingFollowsTheProbabilities) {
  ExpectShares(Draw(Off(), Logs({0.5, 0.3, 0.15, 0.05})), {0.5, 0.3, 0.15, 0.05});
}

TEST(Sampler, MinTokensHoldsEndsOffInAnyOrder) {
  SamplingOptions o = Off();
  o.min_tokens = 2;
  o.end_tokens = {0, 2};
  const std::vector<float> logits = Logs({0.5, 0.25, 0.25});
  for (const float temperature : {0.0f, 1.0f}) {
    for (const auto& order : {std::vector<std::string>{}, {"top_k"}, {"top_k", "min_tokens"}}) {
      o.temperature = temperature;
      o.order = order;
      Sampler sampler = Sampler::Make(o, 3).value();
      const std::vector<int32_t> history = {1, 1, 1};  // of which the last is the answer so far
      for (int i = 0; i < 50; ++i) EXPECT_EQ(sampler.Sample(logits, history, 2).value(), 1);
    }
  }
  o.order = {};
  o.temperature = 0;
  EXPECT_EQ(Sampler::Make(o, 3).value().Sample(logits, std::vector<int32_t>{1, 1, 1}, 1).value(), 0);
}

TEST(Sampler, TemperatureRaisesToThePowerOfItsInverse) {
  SamplingOptions o = Off();
  o.temperature = 0.5f;
  ExpectShares(Draw(o, Logs({0.6, 0.3, 0.1})), {0.36 / 0.46, 0.09 / 0.46, 0.01 / 0.46});
}

TEST(Sampler, ZeroTemperatureTakesTheLikeliestAndTheLowerIdOfTwo) {
  SamplingOptions o = Off();
  o.temperature = 0;
  Sampler sampler = Sampler::Make(o, 4).value();
  EXPECT_EQ(sampler.Sample(std::vector<float>{1, 5, 5, 2}, {}).value(), 1);
}

TEST(Sampler, TopKKeepsTheKLikeliest) {
  SamplingOptions o = Off();
  o.top_k = 2;
  ExpectShares(Draw(o, Logs({0.1, 0.5, 0.15, 0.25})), {0, 2.0 / 3, 0, 1.0 / 3});
}

TEST(Sampler, TopPKeepsTheFewestThatReachTheShare) {
  SamplingOptions o = Off();
  o.top_p = 0.79f;
  ExpectShares(Draw(o, Logs({0.5, 0.3, 0.15, 0.05})), {0.5 / 0.8, 0.3 / 0.8, 0, 0});
  o.top_p = 0;
  ExpectShares(Draw(o, Logs({0.3, 0.7})), {0, 1});
}

TEST(Sampler, MinPComparesWithTheLikeliest) {
  SamplingOptions o = Off();
  o.min_p = 0.25f;
  ExpectShares(Draw(o, Logs({0.56, 0.3, 0.12, 0.02})), {0.56 / 0.86, 0.3 / 0.86, 0, 0});
}

TEST(Sampler, TypicalKeepsAverageSurprise) {
  // Entropy is 1.0 nats: surprise of 0.4 is 0.92 (distance 0.17), of 0.05 3.0.
  SamplingOptions o = Off();
  o.typical_p = 0.75f;
  ExpectShares(Draw(o, Logs({0.4, 0.4, 0.15, 0.05})), {0.5, 0.5, 0, 0});
}

TEST(Sampler, XtcLeavesTheLeastOfTheTopChoices) {
  SamplingOptions o = Off();
  o.xtc_probability = 1;
  o.xtc_threshold = 0.1f;
  ExpectShares(Draw(o, Logs({0.5, 0.25, 0.15, 0.1 - 1e-4})), {0, 0, 0.6, 0.4});
  o.xtc_probability = 0.5f;
  ExpectShares(Draw(o, Logs({0.5, 0.4, 0.1 - 1e-6})), {0.25, 0.2 + 0.4, 0.05 + 0.1});
}

TEST(Sampler, PenaltiesChangeWhatOccurred) {
  SamplingOptions o = Off();
  o.temperature = 0;
  o.repetition_penalty = 2;
  Sampler repetition = Sampler::Make(o, 3).value();
  // 4 / 2 = 2 < 3; a negative logit is multiplied.
  EXPECT_EQ(repetition.Sample(std::vector<float>{4, 3, -1}, std::vector<int32_t>{0}).value(), 1);
  EXPECT_EQ(repetition.Sample(std::vector<float>{-3, -2, -9}, std::vector<int32_t>{1}).value(), 0);
  o.repetition_penalty = 1;
  o.frequency_penalty = 0.5f;
  Sampler frequency = Sampler::Make(o, 2).value();
  EXPECT_EQ(frequency.Sample(std::vector<float>{1.1f, 0}, std::vector<int32_t>{0, 0}).value(), 0);
  EXPECT_EQ(frequency.Sample(std::vector<float>{1.1f, 0}, std::vector<int32_t>{0, 0, 0}).value(), 1);
  o.penalty_last_n = 2;
  Sampler window = Sampler::Make(o, 2).value();
  EXPECT_EQ(window.Sample(std::vector<float>{1.1f, 0}, std::vector<int32_t>{0, 0, 0}).value(), 0);
}

TEST(Sampler, PresenceAndFrequencyCountTheAnswerAlone) {
  SamplingOptions o = Off();
  o.temperature = 0;
  o.presence_penalty = 1;
  o.frequency_penalty = 1;
  const std::vector<int32_t> history = {0, 0, 1, 0};
  const std::vector<float> logits = {2.5f, 1.f, 0.f};
  Sampler both = Sampler::Make(o, 3).value();
  EXPECT_EQ(both.Sample(logits, history, 4).value(), 0) << "the prompt is no answer";
  EXPECT_EQ(both.Sample(logits, history, 3).value(), 1) << "2.5 - 2 < 1";
  EXPECT_EQ(both.Sample(logits, history, 2).value(), 0) << "2.5 - 2 > 1 - 2";
  EXPECT_EQ(both.Sample(logits, history, 1).value(), 2) << "2.5 - 3 < 0";
  o.presence_penalty = o.frequency_penalty = 0;
  o.repetition_penalty = 10;
  Sampler repetition = Sampler::Make(o, 3).value();
  EXPECT_EQ(repetition.Sample(std::vector<float>{2.5f, 1.f, 0.5f}, history, 4).value(), 2)
      << "in the prompt, too";
}

TEST(Sampler, DryPenalizesTheTokenThatWouldGoOnARepetition) {
  SamplingOptions o = Off();
  o.temperature = 0;
  o.dry_multiplier = 1;
  o.dry_base = 2;
  o.dry_allowed_length = 2;
  Sampler dry = Sampler::Make(o, 6).value();
  // "1 2 3 ... 1 2": 3 would repeat, with a match of two: penalty 1 * 2^0 = 1.
  const std::vector<int32_t> text = {1, 2, 3, 4, 1, 2};
  EXPECT_EQ(dry.Sample(std::vector<float>{0, 0, 0, 0.9f, 0, 0}, text).value(), 0);
  EXPECT_EQ(dry.Sample(std::vector<float>{0, 0, 0, 1.1f, 0, 0}, text).value(), 3);
  // A match of three costs twice that.
  EXPECT_EQ(dry.Sample(std::vector<float>{0, 0, 0, 1.9f, 0, 0}, std::vector<int32_t>{5, 1, 2, 3, 4, 5, 1, 2})
                .value(),
            0);
  // A breaker inside the repeated sequence ends it.
  const auto make = [&](DryBreakers breakers) {
    return Sampler::Make(o, 6, 4096, std::make_shared<const DryBreakers>(std::move(breakers))).value();
  };
  const std::vector<float> logits = {0, 0, 0, 0.9f, 0, 0};
  Sampler broken = make({.tokens = {false, false, true}});
  EXPECT_EQ(broken.Sample(logits, text).value(), 3);
  Sampler broken_by_two = make({.sequences = {{1, 2}}});
  EXPECT_EQ(broken_by_two.Sample(logits, text).value(), 3);
  // A breaker may always follow.
  Sampler next = make({.tokens = {false, false, false, true}});
  EXPECT_EQ(next.Sample(logits, text).value(), 3);
  // Of two earlier matches the longer counts: three tokens, 2^1.
  EXPECT_EQ(dry.Sample(std::vector<float>{0, 0, 0, 1.9f, 0, 0},
                       std::vector<int32_t>{5, 1, 2, 3, 0, 1, 2, 3, 4, 5, 1, 2})
                .value(),
            0);
}

TEST(Sampler, MirostatHoldsTheSurpriseNearItsTarget) {
  SamplingOptions o = Off();
  o.mirostat = 2;
  o.mirostat_tau = 3;
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = -1.2f * std::log(static_cast<float>(i + 1));  // Zipf
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x));
  Sampler sampler = Sampler::Make(o, 1000).value();
  double surprise = 0;
  for (int i = 0; i < 4000; ++i) {
    const auto id = static_cast<size_t>(sampler.Sample(logits, {}).value());
    surprise += (std::log(sum) - static_cast<double>(logits[id])) / std::log(2.0) / 4000;
  }
  EXPECT_LT(surprise, 4);
  EXPECT_GT(surprise, 2);
}

TEST(Sampler, MirostatReplacesTheDefaultTruncation) {
  SamplingOptions o;
  o.typical_p = 0.9f;
  o.xtc_probability = 0.5f;
  using Names = std::vector<std::string_view>;
  EXPECT_EQ(Sampler::Make(o, 10).value().chain(),
            (Names{"top_k", "typical", "top_p", "min_p", "xtc", "temperature"}));
  o.mirostat = 2;
  EXPECT_EQ(Sampler::Make(o, 10).value().chain(), (Names{"temperature", "mirostat"}));
  // Who names steps gets them.
  o.order = {"top_k", "mirostat"};
  EXPECT_EQ(Sampler::Make(o, 10).value().chain(), (Names{"top_k", "mirostat"}));
}

TEST(Sampler, LogitBiasBansAndForces) {
  SamplingOptions o = Off();
  o.logit_bias = {{0, -std::numeric_limits<float>::infinity()}, {2, 100.f}};
  ExpectShares(Draw(o, Logs({0.9, 0.05, 0.05})), {0, 0, 1});
}

TEST(Sampler, TheSameSeedGivesTheSameTokens) {
  SamplingOptions o = Off();
  o.seed = 42;
  const std::vector<float> logits(100, 0.f);
  Sampler a = Sampler::Make(o, 100).value(), b = Sampler::Make(o, 100).value();
  std::set<int32_t> seen;
  for (int i = 0; i < 50; ++i) {
    const int32_t token = a.Sample(logits, {}).value();
    EXPECT_EQ(token, b.Sample(logits, {}).value());
    seen.insert(token);
  }
  EXPECT_GT(seen.size(), 20u);
  o.seed = 0;
  EXPECT_NE(Sampler::Make(o, 1).value().options().seed, 0u);
}

TEST(Sampler, WhatIsNotFiniteIsNeverDrawn) {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  Sampler sampler = Sampler::Make(Off(), 3).value();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(sampler.Sample(std::vector<float>{nan, 1, -inf}, {}).value(), 1);
  const auto none = sampler.Sample(std::vector<float>{nan, nan, inf}, {});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().what, "logits: none of the row is finite");
}

TEST(Sampler, OrderAndRangesAreChecked) {
  SamplingOptions o = Off();
  o.top_k = 5;
  o.min_p = 0.1f;
  o.order = {"min_p", "top_k"};
  EXPECT_EQ(Sampler::Make(o, 10).value().chain(), (std::vector<std::string_view>{"min_p", "top_k"}));
  o.order = {"topk"};
  EXPECT_FALSE(Sampler::Make(o, 10).ok());
  o.top_p = 1.5f;
  const Status status = Validate(o);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().what, "top-p: 1.5, expected 0 to 1");
  o.top_p = std::nanf("");
  EXPECT_FALSE(Validate(o).ok());
  o = Off();
  o.logit_bias = {{3, -std::numeric_limits<float>::infinity()}};
  EXPECT_TRUE(Validate(o).ok());
  EXPECT_EQ(Sampler::Make(o, 3).error().what, "logit-bias: token 3: expected 0 to 2");
  o.logit_bias = {{3, std::numeric_limits<float>::infinity()}};
  EXPECT_EQ(Validate(o).error().what, "logit-bias: token 3: inf, expected at most 1000000");
  o.logit_bias = {{3, std::nanf("")}};
  EXPECT_FALSE(Validate(o).ok());
}

TEST(Sampler, AGrowingHistoryAllocatesNothing) {
  SamplingOptions o = Off();
  o.repetition_penalty = 1.5f;
  o.penalty_last_n = -1;
  const std::vector<int32_t> history(10000, 1);
  const std::vector<float> logits{1, 2, 3};
  Sampler sampler = Sampler::Make(o, 3, 10000).value();
  const size_t before = HeapAllocations();
  for (const size_t n : {10u, 5000u, 10000u})
    EXPECT_TRUE(sampler.Sample(logits, std::span(history).first(n)).ok());
  EXPECT_EQ(HeapAllocations() - before, 0u);
}

std::vector<float> Vocabulary(size_t n, float steepness, unsigned seed) {
  Random random(seed);
  std::vector<float> logits;
  // Rounded, so that many are equal.
  for (size_t i = 0; i < n; ++i)
    logits.push_back(std::round(20 * steepness * static_cast<float>(std::log(random.Uniform()))) / -20);
  return logits;
}

// What a chain of one sampler leaves, in its order.
std::vector<int32_t> Left(std::string_view name, const SamplingOptions& options,
                          const std::vector<float>& logits) {
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < logits.size(); ++i) candidates.push_back({static_cast<int32_t>(i), logits[i]});
  std::vector<int64_t> scratch;
  std::vector<int32_t> ids;
  Random random(1);
  SamplerState state{candidates, false, {}, 0, options, random, 2 * options.mirostat_tau, scratch};
  for (const SamplerDesc* desc : AllSamplers()) {
    if (desc->name == name) desc->apply(state);
  }
  for (const Candidate& c : candidates) ids.push_back(c.id);
  return ids;
}

struct Ranked {
  int32_t id;
  double p;
};
// The vocabulary by probability, or by how near the surprise is to the entropy.
std::vector<Ranked> Rank(const std::vector<float>& logits, bool typical) {
  double sum = 0, entropy = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x));
  std::vector<Ranked> all;
  for (size_t i = 0; i < logits.size(); ++i)
    all.push_back({static_cast<int32_t>(i), std::exp(static_cast<double>(logits[i])) / sum});
  for (const Ranked& r : all) entropy -= r.p * std::log(r.p);
  std::stable_sort(all.begin(), all.end(), [&](const Ranked& a, const Ranked& b) {
    if (!typical) return a.p > b.p;
    return std::fabs(-std::log(a.p) - entropy) < std::fabs(-std::log(b.p) - entropy) - 1e-12;
  });
  return all;
}

TEST(Sampler, TruncationOfALargeVocabularyIsThatOfAWholeSort) {
  for (const float steepness : {0.2f, 1.f, 3.f}) {
    const std::vector<float> logits = Vocabulary(5000, steepness, 7);
    for (const float share : {0.1f, 0.5f, 0.9f, 0.999f}) {
      SamplingOptions o = Off();
      o.top_p = o.typical_p = share;
      for (const bool typical : {false, true}) {
        std::vector<int32_t> want;
        double mass = 0;
        for (const Ranked& r : Rank(logits, typical)) {
          if (mass >= static_cast<double>(share)) break;
          want.push_back(r.id);
          mass += r.p;
        }
        EXPECT_EQ(Left(typical ? "typical" : "top_p", o, logits), want)
            << "typical " << typical << " share " << share << " steepness " << steepness;
      }
    }
    SamplingOptions o = Off();
    o.mirostat_tau = 4;
    o.xtc_probability = 1;
    o.xtc_threshold = 1e-3f;
    std::vector<int32_t> mirostat, xtc;
    int top = 0;
    const std::vector<Ranked> ranked = Rank(logits, false);
    for (const Ranked& r : ranked) top += r.p >= static_cast<double>(o.xtc_threshold);
    for (const Ranked& r : ranked) {
      if (mirostat.empty() || -std::log2(r.p) <= 8) mirostat.push_back(r.id);
      if (--top < 1) xtc.push_back(r.id);
    }
    EXPECT_EQ(Left("mirostat", o, logits), mirostat) << steepness;
    std::vector<int32_t> left = Left("xtc", o, logits);
    std::sort(left.begin(), left.end());
    std::sort(xtc.begin(), xtc.end());
    EXPECT_EQ(left, xtc) << steepness;
  }
}

TEST(Sampler, TruncationOfALargeVocabularyDoesNotSortIt) {
  const std::vector<float> logits = Vocabulary(1 << 18, 1.5f, 7);
  const auto best_of_5 = [](const auto& work) {
    double best = 1e9;
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      work();
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  };
  const double sorting = best_of_5([&] {
    std::vector<Candidate> sorted;
    for (size_t i = 0; i < logits.size(); ++i) sorted.push_back({static_cast<int32_t>(i), logits[i]});
    std::sort(sorted.begin(), sorted.end(), Likelier);
  });
  SamplingOptions o = Off();
  o.top_p = o.typical_p = 0.9f;
  o.xtc_probability = 1;
  for (const char* name : {"top_p", "typical", "xtc", "mirostat"}) {
    EXPECT_LT(best_of_5([&] { Left(name, o, logits); }), sorting / 2) << name;
  }
}

// Top-k, and the token that is likeliest, are found without a look at most candidates: by the same chain in
// an order that rules this out, they are the same.
TEST(Sampler, TheLikeliestOfALargeVocabularyAreThoseOfAllCandidates) {
  Random random(3);
  std::vector<int32_t> history;
  for (int i = 0; i < 300; ++i) history.push_back(static_cast<int32_t>(random.Next() % 5000));
  for (const float steepness : {0.2f, 1.f, 3.f}) {
    std::vector<float> logits = Vocabulary(5003, steepness, 7);
    // Penalties and biases reach what is likely, and what is not finite is not.
    for (size_t i = 0; i < logits.size(); i += 97) history.push_back(static_cast<int32_t>(i));
    for (size_t i = 5; i < logits.size(); i += 89) logits[i] = i % 2 == 0 ? std::nanf("") : INFINITY;
    SamplingOptions o = Off();
    o.logit_bias = {{4, 1.5f}, {17, -INFINITY}, {5002, 4.f}};
    o.repetition_penalty = 1.3f;
    o.frequency_penalty = 0.2f;
    o.dry_multiplier = 0.8f;
    for (const int top_k : {1, 40, 900, 4990}) {
      o.top_k = top_k;
      o.temperature = 0.8f;
      o.order = {"logit_bias", "penalties", "dry", "top_k", "temperature"};
      Sampler few = Sampler::Make(o, 5003).value();
      o.order = {"min_p", "logit_bias", "penalties", "dry", "top_k", "temperature"};
      o.min_p = 1e-30f;
      Sampler all = Sampler::Make(o, 5003).value();
      o.min_p = 0;
      o.temperature = 0;
      Sampler greedy = Sampler::Make(o, 5003).value();
      for (size_t n = 0; n <= history.size(); n += 13) {
        const auto text = std::span(history).first(n);
        const int32_t token = few.Sample(logits, text, n / 2).value();
        ASSERT_EQ(token, all.Sample(logits, text, n / 2).value())
            << "top-k " << top_k << " steepness " << steepness;
        if (top_k > 1) continue;
        ASSERT_EQ(token, greedy.Sample(logits, text, n / 2).value()) << steepness;
      }
    }
  }
}

// What Needs leaves out may be -inf.
TEST(Sampler, TheTokenComesOfWhatTheSamplerNeeds) {
  Random random(4);
  std::vector<int32_t> history;
  for (int i = 0; i < 60; ++i) history.push_back(static_cast<int32_t>(random.Next() % 3000));
  const std::vector<float> logits = Vocabulary(3000, 1.f, 11);
  SamplingOptions o;
  o.seed = 5;
  o.temperature = 1.5f;
  o.logit_bias = {{4, 1.5f}, {17, -INFINITY}, {2999, 4.f}};
  o.repetition_penalty = 1.2f;
  Sampler whole = Sampler::Make(o, 3000).value(), part = Sampler::Make(o, 3000).value();
  for (size_t n = 1; n <= history.size(); ++n) {
    const auto text = std::span(history).first(n);
    const WantedLogits wanted = part.Needs(text, n / 2);
    ASSERT_EQ(wanted.count, 41u);
    ASSERT_TRUE(std::is_sorted(wanted.always.begin(), wanted.always.end()));
    std::vector<float> others;
    for (int32_t id = 0; id < 3000; ++id) {
      if (!std::binary_search(wanted.always.begin(), wanted.always.end(), id)) {
        others.push_back(logits[static_cast<size_t>(id)]);
      }
    }
    std::nth_element(others.begin(), others.begin() + 40, others.end(), std::greater<>());
    std::vector<float> few(3000, -INFINITY);
    for (int32_t id = 0; id < 3000; ++id) {
      const auto i = static_cast<size_t>(id);
      const bool always = std::binary_search(wanted.always.begin(), wanted.always.end(), id);
      if (always || logits[i] >= others[40]) few[i] = logits[i];
    }
    ASSERT_EQ(part.Sample(few, text, n / 2).value(), whole.Sample(logits, text, n / 2).value()) << n;
  }
  o.temperature = 0;
  EXPECT_EQ(Sampler::Make(o, 3000).value().Needs(history).count, 1u);
  o.temperature = 1;
  o.top_k = 0;
  EXPECT_EQ(Sampler::Make(o, 3000).value().Needs(history).count, 0u) << "all of them";
}

TEST(Sampler, EverySamplerSurvivesOneCandidate) {
  SamplingOptions o = Off();
  o.top_k = 1;
  o.top_p = 0.5f;
  o.min_p = 0.5f;
  o.typical_p = 0.5f;
  o.xtc_probability = 1;
  o.dry_multiplier = 1;
  o.mirostat = 2;
  o.repetition_penalty = 1.5f;
  for (const SamplerDesc* desc : AllSamplers()) o.order.emplace_back(desc->name);
  Sampler sampler = Sampler::Make(o, 8).value();
  for (int i = 0; i < 16; ++i) {
    const int id = i % 8;
    std::vector<float> logits(8, -std::numeric_limits<float>::infinity());
    logits[static_cast<size_t>(id)] = -7;
    EXPECT_EQ(sampler.Sample(logits, std::vector<int32_t>{0, 0, 0}).value(), id)
        << "no step may empty the list";
  }
}

// A step that breaks the rule must not take the process with it.
TEST(Sampler, AStepThatLeavesNoCandidateIsAnError) {
  static constexpr SamplerDesc kNothing = {.name = "nothing",
                                           .summary = "keeps nothing",
                                           .active = +[](const SamplingOptions&) { return true; },
                                           .apply = +[](SamplerState& s) { s.candidates.clear(); }};
  SamplerDesc touching = kNothing;  // runs in greedy sampling too
  touching.touches = [](const SamplerState&, std::vector<int32_t>&) {};
  for (const float temperature : {0.f, 1.f}) {
    SamplingOptions o = Off();
    o.temperature = temperature;
    o.top_k = 2;
    Sampler sampler = Sampler::Make(o, 4).value();
    sampler.Append(touching);
    sampler.Append(kNothing);
    const auto token = sampler.Sample(Logs({0.4, 0.3, 0.2, 0.1}), {});
    ASSERT_FALSE(token.ok()) << temperature;
    EXPECT_EQ(token.error().what, "sampler nothing: left no candidate, expected at least one");
  }
}

TEST(Sampler, WhereBiasesRuleOutEveryTokenIsAnError) {
  for (const float temperature : {0.f, 1.f}) {
    SamplingOptions o = Off();
    o.temperature = temperature;
    for (int32_t id = 0; id < 3; ++id) o.logit_bias[id] = -std::numeric_limits<float>::infinity();
    Sampler sampler = Sampler::Make(o, 3).value();
    EXPECT_FALSE(sampler.Sample(Logs({0.5, 0.3, 0.2}), {}).ok()) << temperature;
  }
}

}  // namespace
}  // namespace tern
