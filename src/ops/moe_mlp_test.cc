#include "ops/moe_mlp.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace tern {
namespace {

// Two rows of width 2, three experts of one hidden channel each, two per row.
struct Small {
  std::vector<float> x = {1, 2, -1, 0.5f};
  std::vector<int32_t> ids = {2, 0, 1, 2};
  std::vector<float> weights = {0.75f, 0.25f, 0.5f, 2};
  std::vector<float> gate = {1, 0, 0, 1, 1, 1};         // [3,1,2]
  std::vector<float> up = {2, 0, 0, 4, 1, -1};          // [3,1,2]
  std::vector<float> down = {1, 2, 3, 4, 5, 6};         // [3,2,1]
  std::vector<float> gate_bias = {0.5f, 0, -1};         // [3,1]
  std::vector<float> up_bias = {0, 1, 3};               // [3,1]
  std::vector<float> down_bias = {10, 0, 0, 20, 1, 1};  // [3,2]

  std::vector<float> Run(const Attrs& attrs) {
    std::vector<View> in = {
        {Elem::kF32, {2, 2}, nullptr, x.data()},       {Elem::kI32, {2, 2}, nullptr, ids.data()},
        {Elem::kF32, {2, 2}, nullptr, weights.data()}, {Elem::kWeight, {3, 1, 2}, &F32(), gate.data()},
        {Elem::kWeight, {3, 1, 2}, &F32(), up.data()}, {Elem::kWeight, {3, 2, 1}, &F32(), down.data()}};
    if (attrs.Int("biases") != 0) {
      in.push_back({Elem::kWeight, {3, 1}, &F32(), gate_bias.data()});
      in.push_back({Elem::kWeight, {3, 1}, &F32(), up_bias.data()});
      in.push_back({Elem::kWeight, {3, 2}, &F32(), down_bias.data()});
    }
    std::vector<float> y(4);
    const std::array<View, 1> out{View{Elem::kF32, {2, 2}, nullptr, y.data()}};
    FindOp("moe_mlp")->reference.value({in, out, attrs, Batch{}});
    return y;
  }
};

double Silu(double x) { return x / (1 + std::exp(-x)); }

TEST(MoeMlp, AddsUpItsExpertsInOrderByWeight) {
  const std::vector<float> y = Small().Run({{"act", "silu"}});
  // Row 0: expert 2 says silu(3) * -1, expert 0 silu(1) * 2. Row 1: expert 1 silu(.5) * 2, 2 silu(-.5) *
  // -1.5.
  const double a = 0.75 * Silu(3) * -1, b = 0.25 * Silu(1) * 2;
  EXPECT_FLOAT_EQ(y[0], static_cast<float>(a * 5 + b * 1));
  EXPECT_FLOAT_EQ(y[1], static_cast<float>(a * 6 + b * 2));
  const double c = 0.5 * Silu(0.5) * 2, d = 2 * Silu(-0.5) * -1.5;
  EXPECT_FLOAT_EQ(y[2], static_cast<float>(c * 3 + d * 5));
  EXPECT_FLOAT_EQ(y[3], static_cast<float>(c * 4 + d * 6));
}

TEST(MoeMlp, BiasesStandWithinTheWeight) {
  const std::vector<float> y = Small().Run({{"act", "silu"}, {"biases", int64_t{1}}});
  const double two = Silu(3 - 1) * (-1 + 3), zero = Silu(1 + 0.5) * 2;
  EXPECT_FLOAT_EQ(y[0], static_cast<float>(0.75 * (two * 5 + 1) + 0.25 * (zero * 1 + 10)));
}

TEST(MoeMlp, AWeightMayScaleTheInputInstead) {
  const std::vector<float> y = Small().Run({{"act", "silu"}, {"input_scaled", int64_t{1}}});
  const double a = Silu(0.75 * 3) * 0.75 * -1, b = Silu(0.25) * 0.25 * 2;
  EXPECT_FLOAT_EQ(y[0], static_cast<float>(a * 5 + b));
}

TEST(MoeMlp, AnIdThatIsNoExpertAddsNothing) {
  Small without;
  without.ids = {3, 0, -1, 2};
  const std::vector<float> y = without.Run({{"act", "silu"}});
  EXPECT_FLOAT_EQ(y[0], static_cast<float>(0.25 * Silu(1) * 2));
  EXPECT_FLOAT_EQ(y[2], static_cast<float>(2 * Silu(-0.5) * -1.5 * 5));
}

TEST(MoeMlp, SwigluOaiClampsAsGptOssDoes) {
  // Transformers 5, GptOssExperts._apply_gate.
  const Attrs attrs = {{"act", "swiglu_oai"}};
  const MoeMlpForm form = ParseMoeMlp(attrs, Elem::kF32).value();
  EXPECT_NEAR(MoeGate(form, -2, -8), 0.38604826, 1e-6);
  EXPECT_NEAR(MoeGate(form, 9, 3), 27.99981308, 1e-5);
  EXPECT_NEAR(MoeGate(form, 1.5, 0.5), 2.08749342, 1e-6);
  EXPECT_TRUE(std::isnan(MoeGate(form, NAN, 0)));
  EXPECT_TRUE(std::isnan(MoeGate(form, 0, NAN)));
}

TEST(MoeMlp, ShapesThatDisagreeAreErrors) {
  const auto error = [](Shape down, Shape ids, Attrs attrs) {
    const std::vector<ValueType> inputs = {
        {Elem::kF32, {kDimTokens, 6}},      {Elem::kI32, std::move(ids)},
        {Elem::kF32, {kDimTokens, 2}},      {Elem::kWeight, {5, 4, 6}, &F32()},
        {Elem::kWeight, {5, 4, 6}, &F32()}, {Elem::kWeight, std::move(down), &F32()}};
    const auto types = FindOp("moe_mlp")->infer.value(inputs, attrs);
    return types.ok() ? "" : types.error().what;
  };
  const Attrs silu = {{"act", "silu"}};
  EXPECT_EQ(error({5, 6, 4}, {kDimTokens, 2}, silu), "");
  EXPECT_EQ(error({5, 4, 6}, {kDimTokens, 2}, silu), "down: f32[5,4,6], expected a weight [5, 6, 4]");
  EXPECT_EQ(error({5, 6, 4}, {kDimOutputs, 2}, silu), "ids: i32[R,2], expected i32[T,2]");
  EXPECT_EQ(error({5, 6, 4}, {kDimTokens, 3}, silu), "weights: f32[T,2], expected f32[T,3]");
  EXPECT_EQ(error({5, 6, 4}, {kDimTokens, 2}, {}),
            "attribute act: \"\", expected silu, gelu, gelu_tanh or swiglu_oai");
  EXPECT_EQ(error({5, 6, 4}, {kDimTokens, 2}, {{"act", "silu"}, {"biases", int64_t{1}}}),
            "6 inputs, expected 9");
}

}  // namespace
}  // namespace tern
