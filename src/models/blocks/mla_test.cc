#include "models/blocks/mla.h"

#include <gtest/gtest.h>

#include <cmath>

#include "graph/run_reference.h"
#include "io/memory_checkpoint.h"
#include "models/blocks/rope.h"

namespace tern {
namespace {

constexpr int kWidth = 10, kHeads = 3, kLatent = 6, kPlain = 5, kRope = 4, kValue = 7, kRows = 4;

std::vector<float> Numbers(size_t count, size_t seed) {
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i) numbers[i] = static_cast<float>((i * 37 + seed * 101) % 61) / 30.f - 1.f;
  return numbers;
}

// Everything but the projections from the latent.
MemoryCheckpoint Common() {
  MemoryCheckpoint c;
  c.Add("attn_q.weight", {kHeads * (kPlain + kRope), kWidth}, F32(),
        Numbers(kHeads * (kPlain + kRope) * kWidth, 1));
  c.Add("attn_kv_a_mqa.weight", {kLatent + kRope, kWidth}, F32(), Numbers((kLatent + kRope) * kWidth, 2));
  c.Add("attn_kv_a_norm.weight", {kLatent}, F32(), Numbers(kLatent, 3));
  c.Add("attn_output.weight", {kWidth, kHeads * kValue}, F32(), Numbers(kWidth * kHeads * kValue, 4));
  for (const auto& [key, value] :
       {std::pair{"kv_lora_rank", kLatent}, std::pair{"key_length_mla", kPlain + kRope},
        std::pair{"value_length_mla", kValue}}) {
    c.metadata_.Set(std::string("toy.attention.") + key, int64_t{value});
  }
  return c;
}

// Of head h, channel c and latent channel l.
float KvB(int h, int c, int l) { return static_cast<float>((h * 53 + c * 17 + l * 7) % 29) / 14.f - 1.f; }

MemoryCheckpoint Together() {
  MemoryCheckpoint c = Common();
  std::vector<float> all;
  for (int h = 0; h < kHeads; ++h) {
    for (int i = 0; i < kPlain + kValue; ++i) {
      for (int l = 0; l < kLatent; ++l) all.push_back(KvB(h, i, l));
    }
  }
  c.Add("attn_kv_b.weight", {kHeads * (kPlain + kValue), kLatent}, F32(), all);
  return c;
}

MemoryCheckpoint Apart() {
  MemoryCheckpoint c = Common();
  std::vector<float> k, v;
  for (int h = 0; h < kHeads; ++h) {
    for (int l = 0; l < kLatent; ++l) {
      for (int i = 0; i < kPlain; ++i) k.push_back(KvB(h, i, l));
    }
    for (int i = 0; i < kValue; ++i) {
      for (int l = 0; l < kLatent; ++l) v.push_back(KvB(h, kPlain + i, l));
    }
  }
  c.Add("attn_k_b.weight", {kHeads, kLatent, kPlain}, F32(), k);
  c.Add("attn_v_b.weight", {kHeads, kValue, kLatent}, F32(), v);
  return c;
}

Hparams Sizes() {
  Hparams h;
  h.width = kWidth, h.heads = kHeads, h.kv_heads = 1, h.head_dim = kLatent + kRope, h.rope_dims = kRope;
  return h;
}

struct Outcome {
  std::vector<float> y;
  std::string error;
};
Outcome RunMla(const Checkpoint& checkpoint) {
  Graph graph;
  ModelBuilder b(checkpoint, "toy", graph);
  const Hparams h = Sizes();
  MlaSpec spec = MlaOf(b, h);
  spec.rope = RopeTable(b, h, RopeOf(h));
  const ValueId y = LatentAttention(b, graph.AddInput("x", {Elem::kF32, {kDimTokens, kWidth}}), spec);
  if (!b.status().ok()) return {{}, b.status().error().what};
  graph.AddOutput(y);
  EXPECT_EQ(b.kv_layers().front().head_dim, kLatent + kRope);
  EXPECT_EQ(b.kv_layers().front().value_dim(), kLatent);
  KvStore kv(b.kv_layers(), KvType::kF32, 1);
  const std::vector<int32_t> positions = {0, 1, 2, 3}, blocks = {0};
  const SequenceSpan sequence{.first_row = 0, .rows = kRows, .first_position = 0, .blocks = blocks};
  const Batch batch{
      .tokens = positions, .positions = positions, .output_rows = blocks, .sequences = {&sequence, 1}};
  auto outputs =
      RunReference(graph, {.batch = batch, .kv = &kv, .rows = {{"x", Numbers(kRows * kWidth, 5)}}});
  if (!outputs.ok()) return {{}, outputs.error().what};
  return {outputs.value().front(), ""};
}

TEST(LatentAttention, ReadsProjectionsTogetherAndApart) {
  const Outcome apart = RunMla(Apart());
  ASSERT_EQ(apart.error, "");
  EXPECT_GT(std::abs(apart.y[3]), 0.f);
  EXPECT_EQ(RunMla(Together()).y, apart.y);
  MemoryCheckpoint both = Together();
  both.Add("attn_k_b.weight", {kHeads * kLatent, kPlain}, F32(), Numbers(kHeads * kLatent * kPlain, 6));
  both.Add("attn_v_b.weight", {kHeads * kValue, kLatent}, F32(), Numbers(kHeads * kValue * kLatent, 7));
  EXPECT_EQ(RunMla(both).y, apart.y);
}

TEST(LatentAttention, NamesWhatIsMissing) {
  EXPECT_EQ(RunMla(Common()).error, "attn_k_b.weight: missing, expected shape [3, 6, 5]");
  MemoryCheckpoint narrow = Apart();
  narrow.metadata_.Set("toy.attention.key_length_mla", int64_t{kRope});
  EXPECT_EQ(RunMla(narrow).error,
            "rope.dimension_count: 4, expected an even number below the 4 channels of a key");
}

TEST(LatentAttention, ReadsSizesOfOlderFilesAndTheStretchOfYarn) {
  MemoryCheckpoint c;
  c.metadata_.Set("toy.attention.kv_lora_rank", int64_t{kLatent});
  c.metadata_.Set("toy.attention.value_length", int64_t{kValue});
  Hparams h = Sizes();
  h.head_dim = kPlain + kRope;
  h.rope_scaling = {.type = "yarn", .factor = 40, .log_multiplier = 0.0707f};
  Graph graph;
  ModelBuilder b(c, "toy", graph);
  const MlaSpec s = MlaOf(b, h);
  EXPECT_EQ(s.plain_dim, kPlain);
  EXPECT_EQ(s.value_dim, kValue);
  const float stretch = 1.f + 0.0707f * std::log(40.f);
  EXPECT_FLOAT_EQ(s.scale, stretch * stretch / 3.f);
}

}  // namespace
}  // namespace tern
