#include "models/blocks/moe.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "graph/run_reference.h"
#include "io/memory_checkpoint.h"

namespace tern {
namespace {

constexpr int kExperts = 5, kUsed = 2, kWidth = 6, kFfn = 3, kRows = 4;

std::vector<float> Numbers(size_t count, int seed) {
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i) {
    numbers[i] = static_cast<float>((i * 37 + static_cast<size_t>(seed) * 101) % 61) / 30.f - 1.f;
  }
  return numbers;
}

std::vector<float> Slice(const std::vector<float>& all, size_t first, size_t count) {
  return {all.begin() + static_cast<std::ptrdiff_t>(first),
          all.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

MoeSpec Spec() { return {.width = kWidth, .experts = kExperts, .used = kUsed, .ffn_width = kFfn}; }

struct Weights {
  std::vector<float> router = Numbers(kExperts * kWidth, 1), gate = Numbers(kExperts * kFfn * kWidth, 2),
                     up = Numbers(kExperts * kFfn * kWidth, 3), down = Numbers(kExperts * kFfn * kWidth, 4);
  static constexpr size_t kOne = kFfn * kWidth;  // numbers of one expert

  MemoryCheckpoint Router() const {
    MemoryCheckpoint c;
    c.Add("ffn_gate_inp.weight", {kExperts, kWidth}, F32(), router);
    return c;
  }
  MemoryCheckpoint Stacked() const {
    MemoryCheckpoint c = Router();
    c.Add("ffn_gate_exps.weight", {kExperts, kFfn, kWidth}, F32(), gate);
    c.Add("ffn_up_exps.weight", {kExperts, kFfn, kWidth}, F32(), up);
    c.Add("ffn_down_exps.weight", {kExperts, kWidth, kFfn}, F32(), down);
    return c;
  }
  MemoryCheckpoint Fused() const {
    MemoryCheckpoint c = Router();
    std::vector<float> both;
    for (size_t e = 0; e < kExperts; ++e) {
      for (const auto* part : {&gate, &up}) {
        const std::vector<float> one = Slice(*part, e * kOne, kOne);
        both.insert(both.end(), one.begin(), one.end());
      }
    }
    c.Add("ffn_gate_up_exps.weight", {kExperts, 2 * kFfn, kWidth}, F32(), both);
    c.Add("ffn_down_exps.weight", {kExperts, kWidth, kFfn}, F32(), down);
    return c;
  }
  MemoryCheckpoint OnePerTensor(int experts = kExperts) const {
    MemoryCheckpoint c = Router();
    for (int e = 0; e < experts; ++e) {
      const std::string suffix = "." + std::to_string(e) + ".weight";
      const size_t at = static_cast<size_t>(e) * kOne;
      c.Add("ffn_gate" + suffix, {kFfn, kWidth}, F32(), Slice(gate, at, kOne));
      c.Add("ffn_up" + suffix, {kFfn, kWidth}, F32(), Slice(up, at, kOne));
      c.Add("ffn_down" + suffix, {kWidth, kFfn}, F32(), Slice(down, at, kOne));
    }
    return c;
  }
};

// What the block makes of some rows; the error of the builder as text.
struct Outcome {
  std::vector<float> y;
  std::string error;
};
Outcome RunMoe(const Checkpoint& checkpoint, const MoeSpec& spec) {
  Graph graph;
  ModelBuilder b(checkpoint, "toy", graph);
  const ValueId x = graph.AddInput("x", {Elem::kF32, {kDimTokens, kWidth}});
  const ValueId y = MoeMlp(b, x, spec);
  if (!b.status().ok()) return {{}, b.status().error().what};
  graph.AddOutput(y);
  const std::vector<int32_t> tokens(kRows, 0), wanted = {0};
  const Batch batch{.tokens = tokens, .positions = tokens, .output_rows = wanted, .sequences = {}};
  auto outputs = RunReference(graph, {.batch = batch, .rows = {{"x", Numbers(kRows * kWidth, 5)}}});
  if (!outputs.ok()) return {{}, outputs.error().what};
  return {outputs.value().front(), ""};
}

TEST(MoeBlock, FindsExpertsStackedFusedAndOnePerTensor) {
  const Weights weights;
  const Outcome stacked = RunMoe(weights.Stacked(), Spec());
  ASSERT_EQ(stacked.error, "");
  EXPECT_EQ(RunMoe(weights.Fused(), Spec()).y, stacked.y);
  EXPECT_EQ(RunMoe(weights.OnePerTensor(), Spec()).y, stacked.y);
  EXPECT_GT(std::accumulate(stacked.y.begin(), stacked.y.end(), 0.f,
                            [](float sum, float v) { return sum + std::abs(v); }),
            0.1f);
}

TEST(MoeBlock, NamesWhatIsMissingOrOfAnotherShape) {
  const Weights weights;
  EXPECT_EQ(RunMoe(weights.Router(), Spec()).error,
            "ffn_gate_exps.weight: missing, expected shape [5, 3, 6]");
  EXPECT_EQ(RunMoe(weights.OnePerTensor(4), Spec()).error, "ffn_gate.4.weight: missing");
  MoeSpec wider = Spec();
  wider.ffn_width = 4;
  EXPECT_EQ(RunMoe(weights.OnePerTensor(), wider).error,
            "ffn_gate.0.weight: f32 [3, 6], expected f32, with rows 0 to 3 of 6");
  EXPECT_EQ(RunMoe(weights.Stacked(), wider).error,
            "ffn_gate_exps.weight: shape [5, 3, 6], expected [5, 4, 6]");
}

TEST(MoeBlock, ReadsScoringFromMetadata) {
  MemoryCheckpoint c;
  Hparams h;
  h.width = kWidth, h.experts = 8, h.experts_used = 2, h.expert_ffn_width = kFfn;
  c.metadata_.Set("toy.expert_gating_func", int64_t{2});
  c.metadata_.Set("toy.expert_weights_scale", 2.5);
  c.metadata_.Set("toy.expert_group_count", int64_t{4});
  c.metadata_.Set("toy.expert_group_used_count", int64_t{2});
  Graph graph;
  ModelBuilder b(c, "toy", graph);
  const MoeSpec spec = MoeOf(b, h, true);
  ASSERT_TRUE(b.status().ok());
  EXPECT_EQ(spec.score, "sigmoid");
  EXPECT_TRUE(spec.normalize);
  EXPECT_EQ(spec.scale, 2.5f);
  EXPECT_EQ(spec.groups, 4);
  EXPECT_EQ(spec.top_groups, 2);

  c.metadata_.Set("toy.expert_gating_func", int64_t{4});
  Graph other;
  ModelBuilder refuses(c, "toy", other);
  MoeOf(refuses, h, true);
  ASSERT_FALSE(refuses.status().ok());
  EXPECT_EQ(refuses.status().error().what, "toy.expert_gating_func: 4, expected 0 to 3");
}

}  // namespace
}  // namespace tern
