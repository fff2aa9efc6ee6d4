// Expected values: the routers of Transformers 5, on logits given by hand.

#include "ops/moe_route.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tern {
namespace {

constexpr float kLogits[] = {0.3f, -1.2f, 2.0f, 0.1f, 0.4f, 1.1f, -0.5f, 0.9f};
constexpr float kBias[] = {0.0f, 0.5f, -0.4f, 0.1f, 0.3f, -0.2f, 0.6f, 0.05f};

struct Choice {
  std::vector<int32_t> ids;
  std::vector<float> weights;
};

Choice Route(Attrs attrs, std::span<const float> logits, const float* bias = nullptr) {
  attrs.Set("biases", int64_t{bias != nullptr});
  const MoeRouteForm form = ParseMoeRoute(attrs, static_cast<int64_t>(logits.size())).value();
  std::vector<double> scratch(MoeRouteScratch(logits.size()));
  Choice choice{std::vector<int32_t>(form.top_k), std::vector<float>(form.top_k)};
  MoeRouteRow(form, logits, bias, scratch.data(), choice.ids.data(), choice.weights.data());
  return choice;
}

void Expect(const Choice& got, const std::vector<int32_t>& ids, const std::vector<float>& weights) {
  EXPECT_EQ(got.ids, ids);
  ASSERT_EQ(got.weights.size(), weights.size());
  for (size_t i = 0; i < weights.size(); ++i) EXPECT_NEAR(got.weights[i], weights[i], 2e-6) << i;
}

TEST(MoeRoute, SoftmaxOverAllExpertsAsMixtralDoes) {
  Expect(Route({{"top_k", int64_t{3}}, {"normalize", int64_t{1}}}, kLogits), {2, 5, 7},
         {0.5748974f, 0.2337358f, 0.1913667f});
  // The same without "over all": what GPT-OSS does.
  Expect(Route({{"top_k", int64_t{3}}, {"score", "softmax_after_top_k"}}, kLogits), {2, 5, 7},
         {0.5748974f, 0.2337358f, 0.1913667f});
  Expect(Route({{"top_k", int64_t{3}}, {"scale", 2.5}}, kLogits), {2, 5, 7},
         {1.0432158f, 0.4241399f, 0.3472564f});
}

TEST(MoeRoute, GroupsByTheirBestExpertAsDeepSeekV2) {
  Attrs attrs = {{"top_k", int64_t{3}}, {"scale", 2.5}, {"groups", int64_t{4}}, {"top_groups", int64_t{2}}};
  Expect(Route(attrs, kLogits), {2, 5, 4}, {1.0432158f, 0.4241399f, 0.2106216f});
  // A group of two has no third expert: one from outside comes in without weight.
  attrs.Set("top_groups", int64_t{1});
  const Choice few = Route(attrs, kLogits);
  EXPECT_EQ(few.ids[0], 2);
  EXPECT_EQ(few.ids[1], 3);
  EXPECT_NEAR(few.weights[1], 0.1560323f, 1e-6);
  EXPECT_EQ(few.weights[2], 0);
}

TEST(MoeRoute, BiasChoosesButDoesNotWeighAsDeepSeekV3) {
  Attrs attrs = {{"top_k", int64_t{3}},    {"score", "sigmoid"},       {"scale", 2.5},
                 {"groups", int64_t{4}},   {"top_groups", int64_t{2}}, {"group_score", "top2"},
                 {"normalize", int64_t{1}}};
  Expect(Route(attrs, kLogits, kBias), {6, 4, 7}, {0.5594263f, 0.8871139f, 1.0534595f});
  Expect(Route({{"top_k", int64_t{3}}, {"score", "sigmoid"}, {"scale", 2.5}}, kLogits, kBias), {6, 4, 7},
         {0.9438517f, 1.4967191f, 1.7773737f});
}

TEST(MoeRoute, EqualScoresGoToTheLowerId) {
  constexpr float kEqual[] = {1, 3, 3, 1, 3};
  EXPECT_EQ(Route({{"top_k", int64_t{4}}}, kEqual).ids, (std::vector<int32_t>{1, 2, 4, 0}));
}

TEST(MoeRoute, WhatIsNoNumberStaysNoneAndChoosesValidExperts) {
  constexpr float kNone[] = {NAN, 1, NAN, 2, NAN, 3};
  for (const char* score : {"softmax", "sigmoid", "softmax_after_top_k"}) {
    const Choice c = Route({{"top_k", int64_t{6}}, {"score", score}, {"normalize", int64_t{1}}}, kNone);
    std::vector<int32_t> ids = c.ids;
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(ids, (std::vector<int32_t>{0, 1, 2, 3, 4, 5})) << score;
    for (const float w : c.weights) EXPECT_TRUE(std::isnan(w)) << score;
  }
}

TEST(MoeRoute, AttributesThatCannotBeAreErrors) {
  const auto error = [](const Attrs& attrs) {
    const ValueType logits{Elem::kF32, {kDimTokens, 8}};
    const auto types = FindOp("moe_route")->infer.value(std::span(&logits, 1), attrs);
    return types.ok() ? "" : types.error().what;
  };
  EXPECT_EQ(error({{"top_k", int64_t{8}}}), "");
  EXPECT_EQ(error({{"top_k", int64_t{9}}}), "attribute top_k: 9, expected 1 to 8 experts");
  EXPECT_EQ(error({}), "attribute top_k: 0, expected 1 to 8 experts");
  EXPECT_EQ(error({{"top_k", int64_t{1}}, {"score", "hard"}}),
            "attribute score: \"hard\", expected softmax, sigmoid or softmax_after_top_k");
  EXPECT_EQ(error({{"top_k", int64_t{1}}, {"groups", int64_t{3}}}),
            "attribute groups: 3, expected a divisor of 8 experts");
  EXPECT_EQ(error({{"top_k", int64_t{1}}, {"groups", int64_t{4}}, {"top_groups", int64_t{5}}}),
            "attribute top_groups: 5, expected 1 to 4 groups");
  EXPECT_EQ(error({{"top_k", int64_t{1}}, {"group_score", "mean"}}),
            "attribute group_score: \"mean\", expected max or top2");
  EXPECT_EQ(error({{"top_k", int64_t{1}}, {"biases", int64_t{1}}}), "1 inputs, expected 2");
}

}  // namespace
}  // namespace tern
