#include "models/builder.h"

#include <gtest/gtest.h>

#include <limits>

#include "graph/run_reference.h"
#include "models/tiny_checkpoint.h"

namespace tern {
namespace {

MemoryCheckpoint Layer() {
  MemoryCheckpoint checkpoint;
  checkpoint.Add("table", {2, 3}, F32(), {1, 2, 3, 4, 5, 6});
  checkpoint.Add("w.weight", {2, 3}, F32(), {1, 0, 0, 1, 1, 1});
  checkpoint.Add("w.bias", {2}, F32(), {100, 1000});
  return checkpoint;
}

// Tokens 1 and 0 through embed and Linear "w".
Result<std::vector<float>> RunLinear(const Checkpoint& checkpoint) {
  Graph graph;
  ModelBuilder b(checkpoint, "x", graph);
  const ValueId y = b.Linear(b.Op("embed", {b.tokens(), b.Weight("table", {2, 3})}), "w", 2, 3);
  if (!b.status().ok()) return b.status().error();
  graph.AddOutput(y);
  const int32_t tokens[] = {1, 0}, positions[] = {0, 1}, output_rows[] = {1};
  const SequenceSpan span{.rows = 2, .blocks = {}};
  const Batch batch{tokens, positions, output_rows, {&span, 1}};
  TERN_TRY(const auto outputs, RunReference(graph, {batch, nullptr, {}}));
  return outputs[0];
}

// It belongs to the product, not to the bias.
TEST(ModelBuilder, AWeightMayHaveAFactor) {
  MemoryCheckpoint checkpoint = Layer();
  EXPECT_EQ(RunLinear(checkpoint).value(), (std::vector<float>{104, 1015, 101, 1006}));
  checkpoint.Add("w.scale", {1}, F32(), {0.5f});
  EXPECT_EQ(RunLinear(checkpoint).value(), (std::vector<float>{102, 1007.5f, 100.5f, 1003}));
}

TEST(ModelBuilder, AFactorIsOneFiniteNumber) {
  MemoryCheckpoint two = Layer(), infinite = Layer();
  two.Add("w.scale", {2}, F32(), {1, 1});
  infinite.Add("w.scale", {1}, F32(), {std::numeric_limits<float>::infinity()});
  EXPECT_EQ(RunLinear(two).error().what, "w.scale: shape [2], expected [1]");
  EXPECT_EQ(RunLinear(infinite).error().what, "w.scale: inf, expected a finite number");
}

TEST(ModelBuilder, FactorsOfActivationsInFourBitsAreLeftAside) {
  const auto checkpoint = MakeTinyCheckpoint();
  checkpoint->Add("blk.0.attn_q.scale", {1}, F32(), {2});
  checkpoint->Add("blk.0.attn_q.input_scale", {1}, F32(), {3});
  EXPECT_TRUE(BuildModel(*checkpoint).ok());
  checkpoint->Add("blk.0.attn_norm.scale", {1}, F32(), {2});
  EXPECT_EQ(BuildModel(*checkpoint).error().what,
            "blk.0.attn_norm.scale: shape [1], expected no such tensor in a llama model of 2 layers");
}

// Rows [first, first + 4) of a bias of 64 that counts up, and of its weight, which is 0.
std::vector<float> BiasOfRows(const char* format, int64_t first) {
  MemoryCheckpoint checkpoint;
  checkpoint.Add("table", {2, 3}, F32(), {1, 2, 3, 4, 5, 6});
  checkpoint.Add("w.weight", {64, 3}, F32(), std::vector<float>(64 * 3));
  std::vector<float> counts(64);
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = static_cast<float>(i) * 2;
  checkpoint.Add("w.bias", {64}, *FindFormat(format), counts);
  Graph graph;
  ModelBuilder b(checkpoint, "x", graph);
  const ValueId x = b.Op("embed", {b.tokens(), b.Weight("table", {2, 3})});
  graph.AddOutput(b.LinearRows(x, "w", {first, 4, 64, 3}, "part"));
  const int32_t tokens[] = {1}, positions[] = {0}, output_rows[] = {0};
  const SequenceSpan span{.rows = 1, .blocks = {}};
  return RunReference(graph, {{tokens, positions, output_rows, {&span, 1}}, nullptr, {}}).value()[0];
}

// GPT-2's q, k and v have one bias, which a file may store in any format: in blocks of 32 here.
TEST(ModelBuilder, RowsOfAQuantizedBias) {
  for (const int64_t first : {0, 13, 30, 32, 60}) {
    const std::vector<float> got = BiasOfRows("q8_0", first), want = BiasOfRows("f32", first);
    for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 0.6) << first;
  }
  EXPECT_EQ(BiasOfRows("f16", 32), BiasOfRows("f32", 32));
}

}  // namespace
}  // namespace tern
