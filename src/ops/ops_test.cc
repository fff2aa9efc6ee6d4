// Shape rules speak clearly; references agree with numbers worked out by hand.

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "ops/attention.h"
#include "ops/linear.h"
#include "ops/op.h"

namespace tern {
namespace {

// The bytes of f32 weights are floats: enough of a format for references, without the tensor module's list.
void DecodeFloats(const void* row, size_t first, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<const float*>(row)[first + i];
}
constexpr Format kFloats = {.name = "f32",
                            .gguf_type = 0,
                            .block_weights = 1,
                            .block_bytes = 4,
                            .decode = DecodeFloats,
                            .encode = nullptr,
                            .tolerance = 0};

ValueType Rows(int64_t columns) { return {Elem::kF32, {kDimTokens, columns}}; }
ValueType Weight(Shape shape) { return {Elem::kWeight, std::move(shape), &kFloats}; }

std::string InferError(std::string_view op, std::vector<ValueType> inputs, Attrs attrs = {}) {
  const auto result = FindOp(op)->infer(inputs, attrs);
  return result.ok() ? "" : result.error().what;
}

struct Operand {
  std::vector<float> values;
  Shape shape;
  bool is_weight = false;
};

std::vector<float> Compute(std::string_view op, std::vector<Operand> inputs, Shape out, Attrs attrs = {}) {
  std::vector<View> views;
  for (Operand& input : inputs) {
    views.push_back({input.is_weight ? Elem::kWeight : Elem::kF32, input.shape,
                     input.is_weight ? &kFloats : nullptr, input.values.data()});
  }
  std::vector<float> y(static_cast<size_t>(Elements(out)));
  const std::array<View, 1> outputs{View{Elem::kF32, out, nullptr, y.data()}};
  FindOp(op)->reference({views, outputs, attrs, Batch{}});
  return y;
}

TEST(Ops, EveryListedOpIsFoundByItsName) {
  for (const OpDesc* op : AllOps()) {
    EXPECT_EQ(FindOp(op->name), op);
    EXPECT_FALSE(op->summary.empty()) << op->name;
  }
  EXPECT_EQ(FindOp("no_such_op"), nullptr);
}

TEST(Ops, NoInputsIsAnErrorOfEveryOp) {
  for (const OpDesc* op : AllOps()) EXPECT_FALSE(op->infer.value({}, {}).ok()) << op->name;
}

TEST(Ops, ShapeErrorsNameTheInputTheProblemAndWhatWasExpected) {
  EXPECT_EQ(InferError("add", {Rows(4), Rows(5)}), "y: f32[T,5], expected f32[T,4]");
  EXPECT_EQ(InferError("rms_norm", {Rows(30), Weight({4})}),
            "x: f32[T,30], expected columns to be a multiple of 4");
  EXPECT_EQ(InferError("quantize", {Rows(48)}), "x: f32[T,48], expected columns to be a multiple of 32");
  EXPECT_EQ(InferError("linear", {Rows(8), Weight({3, 7})}), "w1: f32[3,7], expected a weight [any, 8]");
  EXPECT_EQ(InferError("linear", {Rows(8), Weight({3, 8}), Weight({4, 8})},
                       {{"weights", int64_t{2}}, {"glu", "silu"}}),
            "w2: f32[4,8], expected the shape of w1, f32[3,8]");
  EXPECT_EQ(InferError("linear", {Rows(8), Weight({3, 8})}, {{"forms", "q8"}}),
            "attribute forms: q8, but x is f32");
  EXPECT_EQ(InferError("attention", {Rows(12), {Elem::kState, {}}},
                       {{"layer", int64_t{0}},
                        {"window", int64_t{0}},
                        {"heads", int64_t{3}},
                        {"kv_heads", int64_t{2}},
                        {"head_dim", int64_t{4}}}),
            "attribute kv_heads: 2, expected a divisor of 3 heads");
  EXPECT_EQ(InferError("rope", {Rows(8), Rows(4)}, {{"head_dim", int64_t{8}}, {"style", "spiral"}}),
            "attribute style: \"spiral\", expected half or pair");
  EXPECT_EQ(InferError("rope", {Rows(8), Rows(4)},
                       {{"head_dim", int64_t{8}}, {"style", "half"}, {"offset", int64_t{6}}}),
            "table: f32[T,4], expected the rows of x and an even width up to 2");
  EXPECT_EQ(InferError("rope", {Rows(8), Rows(4)}, {{"head_dim", int64_t{8}}, {"offset", int64_t{-1}}}),
            "attribute offset: -1, expected a channel of a head of 8");
}

TEST(Ops, ColumnErrorsSayHowWideAGroupIs) {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(InferError("slice", {Rows(30)}, {{"groups", int64_t{4}}, {"width", int64_t{1}}}),
            "x: f32[T,30], expected columns to be a multiple of 4");
  EXPECT_EQ(
      InferError("slice", {Rows(30)}, {{"groups", int64_t{3}}, {"start", int64_t{8}}, {"width", int64_t{3}}}),
      "attributes start and width: 8 and 3, expected columns of a group of 10");
  EXPECT_NE(InferError("slice", {Rows(30)}, {{"start", int64_t{1}}, {"width", kHuge}}), "");
  EXPECT_EQ(InferError("slice", {Rows(30)}, {{"groups", int64_t{0}}}),
            "attribute groups: 0, expected at least 1");
  EXPECT_EQ(InferError("concat", {Rows(6), Rows(4)}, {{"groups", int64_t{3}}}),
            "b: f32[T,4], expected columns to be a multiple of 3");
  EXPECT_EQ(InferError("concat", {Rows(6), Rows(4)}, {{"groups", int64_t{3}}, {"broadcast", int64_t{1}}}),
            "");
  EXPECT_EQ(InferError("head_linear", {Rows(12), Weight({3, 5, 6})}),
            "x: f32[T,12], expected 3 heads of 6 columns");
  EXPECT_EQ(InferError("kv_append", {Rows(4), {Elem::kF32, {kDimOutputs, 4}}}, {{"layer", int64_t{0}}}),
            "v: f32[R,4], expected the rows of k, f32[T,4]");
}

std::string AttentionError(std::vector<ValueType> weights, Attrs extra) {
  Attrs attrs = {
      {"layer", int64_t{0}}, {"heads", int64_t{2}}, {"kv_heads", int64_t{1}}, {"head_dim", int64_t{4}}};
  for (const auto& [name, value] : extra.all()) attrs.Set(name, value);
  std::vector<ValueType> inputs = {Rows(8), {Elem::kState, {}}};
  inputs.insert(inputs.end(), weights.begin(), weights.end());
  return InferError("attention", inputs, attrs);
}

TEST(Ops, AttentionChecksWhatComesBehindItsState) {
  EXPECT_EQ(AttentionError({}, {}), "");
  EXPECT_EQ(AttentionError({Weight({2}), Weight({2}), Weight({32, 2})}, {{"sinks", int64_t{1}},
                                                                         {"alibi", int64_t{1}},
                                                                         {"bucket_bias", int64_t{1}},
                                                                         {"buckets", int64_t{32}},
                                                                         {"max_distance", int64_t{128}}}),
            "");
  EXPECT_EQ(AttentionError({}, {{"sinks", int64_t{1}}}), "2 inputs, expected 3");
  EXPECT_EQ(AttentionError({Weight({3})}, {{"alibi", int64_t{1}}}), "alibi: f32[3], expected a weight [2]");
  EXPECT_EQ(AttentionError({}, {{"softcap", -1.0}}),
            "attribute softcap: -1.000000, expected 0 or a positive number");
  EXPECT_EQ(AttentionError({}, {{"v_dim", int64_t{0}}}), "attribute v_dim: 0, expected at least 1");
  EXPECT_EQ(AttentionError({}, {{"v_dim", int64_t{1} << 40}}),
            "attribute v_dim: 1099511627776, expected at most 1048576");
  EXPECT_EQ(
      AttentionError({Weight({32, 2})},
                     {{"bucket_bias", int64_t{1}}, {"buckets", int64_t{32}}, {"max_distance", int64_t{16}}}),
      "attribute max_distance: 16, expected more than 16");
}

TEST(Ops, RelativeBucketsAreThoseOfT5) {
  // Transformers 5: T5Attention._relative_position_bucket.
  AttentionForm form;
  form.buckets = 32;
  form.max_distance = 128;
  form.bidirectional = true;
  const int distance[] = {-1000, -128, -127, -91, -64, -33, -32, -16, -12, -8,
                          -1,    0,    1,    7,   8,   15,  20,  32,  127, 500};
  const int both[] = {15, 15, 15, 15, 14, 12, 12, 10, 9, 8, 1, 0, 17, 23, 24, 25, 26, 28, 31, 31};
  const int back[] = {31, 31, 31, 29, 26, 21, 21, 16, 12, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  for (size_t i = 0; i < std::size(distance); ++i) {
    form.bidirectional = true;
    EXPECT_EQ(RelativeBucket(form, distance[i]), both[i]) << distance[i];
    form.bidirectional = false;
    EXPECT_EQ(RelativeBucket(form, distance[i]), back[i]) << distance[i];
  }
}

TEST(Ops, VisiblePositionsFollowWindowAndDirection) {
  const auto seen = [](bool causal, int window) {
    AttentionForm form;
    form.causal = causal;
    form.window = window;
    return std::pair(form.First(10), form.Last(10, 14));
  };
  EXPECT_EQ(seen(true, 0), std::pair(0, 10));
  EXPECT_EQ(seen(true, 3), std::pair(8, 10));
  EXPECT_EQ(seen(true, 11), std::pair(0, 10));
  EXPECT_EQ(seen(false, 0), std::pair(0, 13));
  EXPECT_EQ(seen(false, 2), std::pair(8, 12));
  EXPECT_EQ(seen(false, 10), std::pair(0, 13));
  EXPECT_EQ(seen(false, std::numeric_limits<int>::max()), std::pair(0, 13));
  EXPECT_EQ(seen(true, std::numeric_limits<int>::max()), std::pair(0, 10));
}

TEST(Ops, AllOfASourceIsVisible) {
  AttentionForm form;
  const SequenceSpan span{.rows = 4, .first_position = 10, .blocks = {}, .source_tokens = 3};
  EXPECT_EQ(form.End(span), 14);
  form.source = true;
  form.causal = false;
  EXPECT_EQ(form.End(span), 3);
  EXPECT_EQ(form.First(12), 0);
  EXPECT_EQ(form.Last(12, form.End(span)), 2);
  const std::string error = "attribute source: 1, expected causal 0 and no window beside it";
  EXPECT_EQ(AttentionError({}, {{"source", int64_t{1}}, {"causal", int64_t{0}}}), "");
  EXPECT_EQ(AttentionError({}, {{"source", int64_t{1}}}), error);
  EXPECT_EQ(AttentionError({}, {{"source", int64_t{1}}, {"causal", int64_t{0}}, {"window", int64_t{5}}}),
            error);
}

TEST(Ops, SliceAndConcatWorkGroupByGroup) {
  const Operand x{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {2, 6}}, y{{20, 21, 30, 31}, {2, 2}};
  EXPECT_EQ(
      Compute("slice", {x}, {2, 4}, {{"groups", int64_t{2}}, {"start", int64_t{1}}, {"width", int64_t{2}}}),
      (std::vector<float>{2, 3, 5, 6, 8, 9, 11, 12}));
  EXPECT_EQ(Compute("concat", {x, y}, {2, 8}, {{"groups", int64_t{2}}}),
            (std::vector<float>{1, 2, 3, 20, 4, 5, 6, 21, 7, 8, 9, 30, 10, 11, 12, 31}));
  EXPECT_EQ(Compute("concat", {x, y}, {2, 10}, {{"groups", int64_t{2}}, {"broadcast", int64_t{1}}}),
            (std::vector<float>{1, 2, 3, 20, 21, 4, 5, 6, 20, 21, 7, 8, 9, 30, 31, 10, 11, 12, 30, 31}));
}

TEST(Ops, HeadLinearGivesEachHeadItsOwnMatrix) {
  const Operand x{{1, 2, 3, 4}, {1, 4}}, w{{1, 0, 0, 1, 1, 1, 10, 0, 0, 10, 10, 10}, {2, 3, 2}, true};
  EXPECT_EQ(Compute("head_linear", {x, w}, {1, 6}), (std::vector<float>{1, 2, 3, 30, 40, 70}));
}

TEST(Ops, LinearFormsMayMixOnPreciseRows) {
  const ValueType x{Elem::kQ16, {kDimTokens, 64}};
  const auto types = FindOp("linear")->infer.value(std::array{x, Weight({3, 64}), Weight({5, 64})},
                                                   {{"weights", int64_t{2}}, {"forms", "q8,q16"}});
  ASSERT_TRUE(types.ok());
  EXPECT_EQ(types.value(),
            (std::vector<ValueType>{{Elem::kF32, {kDimTokens, 3}}, {Elem::kF32, {kDimTokens, 5}}}));
}

TEST(Ops, RmsNormWorksOnGroupsOfTheWeightsWidth) {
  const auto y = Compute("rms_norm", {{{3, 4, 0, 2}, {1, 4}}, {{1, 10}, {2}, true}}, {1, 4});
  const float a = std::sqrt(12.5f), b = std::sqrt(2.f);
  EXPECT_FLOAT_EQ(y[0], 3 / a);
  EXPECT_FLOAT_EQ(y[1], 40 / a);
  EXPECT_FLOAT_EQ(y[2], 0);
  EXPECT_FLOAT_EQ(y[3], 20 / b);
}

TEST(Ops, LayerNormTakesItsWeightPerGroupOrPerColumn) {
  // torch.nn.functional.layer_norm over all six columns, then over each three.
  const Operand x{{3, 4, 0, 2, -1, 5}, {1, 6}};
  const Operand w{{1, 2, 3, 4, 5, 6}, {6}, true}, b{std::vector<float>(6, 0.5f), {6}, true};
  const Attrs biased = {{"eps", 1e-5}, {"biases", int64_t{1}}};
  const auto whole = Compute("layer_norm", {x, w, b}, {1, 6}, biased);
  const float want[] = {0.89405471f, 2.23384094f, -2.573627f, 0.18475604f, -6.98704004f, 8.53871727f};
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(whole[i], want[i], 1e-6) << i;

  const float plain[] = {0.39223149f, 0.98057884f, -1.3728106f, 0, -1.22474384f, 1.22474384f};
  const auto shared = Compute("layer_norm", {x, {{1, 2, 3}, {3}, true}}, {1, 6}, {{"eps", 1e-5}});
  const auto own = Compute("layer_norm", {x, w}, {1, 6}, {{"eps", 1e-5}, {"group", int64_t{3}}});
  const auto heads = Compute("layer_norm", {x, {w.values, {2, 3}, true}}, {1, 6}, {{"eps", 1e-5}});
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(shared[i], plain[i] * static_cast<float>(i % 3 + 1), 1e-6) << i;
    EXPECT_NEAR(own[i], plain[i] * static_cast<float>(i + 1), 1e-6) << i;
  }
  EXPECT_EQ(heads, own);
}

TEST(Ops, LayerNormNamesTheWeightThatDoesNotFit) {
  const Attrs groups = {{"group", int64_t{4}}};
  EXPECT_EQ(InferError("layer_norm", {Rows(12), Weight({4})}, groups), "");
  EXPECT_EQ(InferError("layer_norm", {Rows(12), Weight({12})}, groups), "");
  EXPECT_EQ(InferError("layer_norm", {Rows(12), Weight({6})}, groups), "w: f32[6], expected 4 or 12 entries");
  EXPECT_EQ(InferError("layer_norm", {Rows(13), Weight({4})}, groups),
            "x: f32[T,13], expected columns to be a multiple of 4");
  EXPECT_EQ(InferError("layer_norm", {Rows(4), Weight({4}), Weight({3})}, {{"biases", int64_t{1}}}),
            "b: f32[3], expected a weight [4]");
}

TEST(Ops, ScaleRowsTakesOneNumberPerRow) {
  EXPECT_EQ(Compute("scale_rows", {{{1, 2, 3, 4, 5, 6}, {2, 3}}, {{10, -1}, {2, 1}}}, {2, 3}),
            (std::vector<float>{10, 20, 30, -4, -5, -6}));
  EXPECT_EQ(InferError("scale_rows", {Rows(4), Rows(2)}), "s: f32[T,2], expected f32[T,1]");
}

TEST(Ops, RopeTurnsPairsOrHalvesAndLeavesTheRest) {
  // One head of 6, 4 rotated: angles 90 and 0 degrees.
  const Operand x{{1, 2, 3, 4, 5, 6}, {1, 6}}, table{{0, 1, 1, 0}, {1, 4}};
  EXPECT_EQ(Compute("rope", {x, table}, {1, 6}, {{"head_dim", int64_t{6}}, {"style", "pair"}}),
            (std::vector<float>{-2, 1, 3, 4, 5, 6}));
  EXPECT_EQ(Compute("rope", {x, table}, {1, 6}, {{"head_dim", int64_t{6}}, {"style", "half"}}),
            (std::vector<float>{-3, 2, 1, 4, 5, 6}));
  EXPECT_EQ(Compute("rope", {x, table}, {1, 6},
                    {{"head_dim", int64_t{6}}, {"style", "half"}, {"offset", int64_t{2}}}),
            (std::vector<float>{1, 2, -5, 4, 3, 6}));
}

TEST(Ops, LinearAddsBiasAndResidualAndGates) {
  const Operand x{{1, 2}, {1, 2}}, w{{1, 0, 0, 1, 1, 1}, {3, 2}, true};
  const Operand bias{{10, 20, 30}, {3}, true}, residual{{100, 200, 300}, {1, 3}};
  EXPECT_EQ(
      Compute("linear", {x, w, bias, residual}, {1, 3}, {{"biases", int64_t{1}}, {"residual", int64_t{1}}}),
      (std::vector<float>{111, 222, 333}));
  const auto y = Compute("linear", {x, w, w}, {1, 3}, {{"weights", int64_t{2}}, {"glu", "silu"}});
  for (int i = 0; i < 3; ++i) {
    const float v = static_cast<float>(i + 1);
    EXPECT_FLOAT_EQ(y[static_cast<size_t>(i)], v * v / (1 + std::exp(-v)));
  }
}

TEST(Ops, ActivationsAgreeWithKnownValues) {
  // PyTorch 2: torch.nn.functional.gelu(x), with approximate="tanh", and silu(x).
  const Operand x{{-3, -0.5f, 0, 1, 20}, {1, 5}};
  const std::vector<float> gelu = {-0.00404969f, -0.15426877f, 0, 0.84134475f, 20};
  const std::vector<float> by_tanh = {-0.00363739f, -0.15428599f, 0, 0.84119199f, 20};
  const std::vector<float> silu = {-0.14227762f, -0.18877034f, 0, 0.73105858f, 20};
  const auto expect_near = [](const std::vector<float>& y, const std::vector<float>& want) {
    for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], want[i], 1e-6) << i;
  };
  expect_near(Compute("gelu", {x}, {1, 5}), gelu);
  expect_near(Compute("gelu_tanh", {x}, {1, 5}), by_tanh);
  expect_near(Compute("silu", {x}, {1, 5}), silu);
  expect_near(Compute("sigmoid", {x}, {1, 5}), {0.04742587f, 0.37754068f, 0.5f, 0.7310586f, 1});
  expect_near(Compute("softcap", {x}, {1, 5}, {{"cap", 5.0}}),
              {-2.6852479f, -0.49833998f, 0, 0.98687661f, 4.99664688f});
  EXPECT_EQ(Compute("relu", {x}, {1, 5}), (std::vector<float>{0, 0, 0, 1, 20}));
  EXPECT_EQ(Compute("relu2", {x}, {1, 5}), (std::vector<float>{0, 0, 0, 1, 400}));
  EXPECT_EQ(Compute("clamp", {x}, {1, 5}, {{"limit", 2.0}}), (std::vector<float>{-2, -0.5, 0, 1, 2}));
  EXPECT_EQ(InferError("softcap", {Rows(4)}), "attribute cap: expected a positive number");
  EXPECT_EQ(InferError("clamp", {Rows(4)}), "attribute limit: expected a positive number");
}

}  // namespace
}  // namespace tern
