// The model of docs/adding-a-model.md: described, built on random weights, run.

#include <gtest/gtest.h>

#include "io/memory_checkpoint.h"
#include "models/blocks/mlp.h"
#include "models/builder.h"

// ---- src/models/toy.cc
namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    const ValueId normed = b.RmsNorm(x, "ffn_norm", h);
    x = b.Add(GatedMlp(b, normed, "gelu", h), x);
  }
  b.Head(x, h);
}

}  // namespace
extern const ModelDesc k_model_toy;
const ModelDesc k_model_toy = {.name = "toy", .summary = "a stack of MLPs", .build = Build};
}  // namespace tern
// ----

namespace tern {
namespace {

class ToyCheckpoint : public MemoryCheckpoint {
 public:
  ToyCheckpoint() {
    for (const char* key : {"block_count", "attention.head_count"})
      metadata_.Set(std::string("toy.") + key, int64_t{1});
    for (const char* key : {"embedding_length", "feed_forward_length", "context_length"}) {
      metadata_.Set(std::string("toy.") + key, int64_t{4});
    }
    for (const char* name :
         {"token_embd.weight", "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight", "blk.0.ffn_down.weight"}) {
      Add(name, {4, 4}, F32(), std::vector<float>(16));
    }
    for (const char* name : {"blk.0.ffn_norm.weight", "output_norm.weight"}) {
      Add(name, {4}, F32(), std::vector<float>(4));
    }
  }
};

TEST(AddingAModel, TheToyBuildsAVerifiedGraph) {
  const ToyCheckpoint checkpoint;
  const auto hparams = ReadHparams(checkpoint.metadata(), "toy");
  ASSERT_TRUE(hparams.ok()) << hparams.error().what;
  Hparams h = hparams.value();
  h.vocabulary = 4;
  Graph graph;
  ModelBuilder builder(checkpoint, "toy", graph);
  k_model_toy.build.value(h, builder);
  ASSERT_TRUE(builder.status().ok()) << builder.status().error().what;
  EXPECT_TRUE(Verify(graph).ok());
  EXPECT_EQ(graph.value(graph.outputs().at(0)).type.shape, (Shape{kDimOutputs, 4}));
}

TEST(AddingAModel, AWeightOfAnotherShapeIsNamed) {
  const ToyCheckpoint checkpoint;
  Hparams h = ReadHparams(checkpoint.metadata(), "toy").value();
  h.vocabulary = 4;
  h.ffn_width = 8;
  Graph graph;
  ModelBuilder builder(checkpoint, "toy", graph);
  k_model_toy.build.value(h, builder);
  ASSERT_FALSE(builder.status().ok());
  EXPECT_EQ(builder.status().error().what, "blk.0.ffn_gate.weight: shape [4, 4], expected [8, 4]");
}

}  // namespace
}  // namespace tern
