// Command R7B, Command A: as Command R, with three sliding-window layers that have RoPE to one global layer
// without positions.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/rope.h"
#include "models/hf/config.h"

namespace tern {
namespace {

constexpr int kGlobalEvery = 4;

void Build(const Hparams& h, ModelBuilder& b) {
  if (h.window <= 0) {
    b.Fail(BadInput("cohere2.attention.sliding_window: missing, expected a positive number"));
    return;
  }
  const ValueId embedding = b.Weight("token_embd.weight", {h.vocabulary, h.width});
  AttentionSpec global = AttentionOf(h);
  global.window = 0;
  AttentionSpec local = AttentionOf(h);
  local.rope_style = "pair";
  local.rope = RopeTable(b, h, RopeOf(h));

  ValueId x = b.Embed(embedding);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    const ValueId y = b.LayerNorm(x, "attn_norm", h);
    x = b.Add(SelfAttention(b, y, Slides(h, layer, kGlobalEvery) ? local : global), x);
    x = b.Add(GatedMlp(b, y, "silu", h), x);
  }
  x = b.LayerNorm(b.WantedRows(x), "output_norm", h);
  b.Logits(x, embedding, h, {.scale = b.MetaFloat("logit_scale", 1)});
}

void HfDefaults(HfConfig& c) { c.Default("sliding_window", int64_t{4096}); }

void ReadHfConfig(HfConfig& c) { c.Set("logit_scale", c.Float("logit_scale", 0.0625)); }

constexpr HfMapping kHf[] = {
    {.classes = "Cohere2ForCausalLM", .defaults = HfDefaults, .config = ReadHfConfig}};

}  // namespace
extern const ModelDesc k_model_cohere2;
const ModelDesc k_model_cohere2 = {
    .name = "cohere2", .summary = "Command R7B, Command A", .build = Build, .hf = kHf};
}  // namespace tern
