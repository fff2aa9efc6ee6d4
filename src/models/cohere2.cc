// Command R7B, Command A: as Command R, with three sliding-window layers that have RoPE to one global layer
// without positions.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

constexpr int kGlobalEvery = 4;

void Build(const Hparams& h, ModelBuilder& b) {
  if (h.window <= 0) {
    b.Fail(BadInput("cohere2.attention.sliding_window: missing, expected a positive number"));
    return;
  }
  AttentionSpec global = AttentionOf(h);
  global.window = 0;
  AttentionSpec local = RotaryAttention(b, h, "pair");

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    const ValueId y = b.LayerNorm(x, "attn_norm", h);
    x = b.Add(SelfAttention(b, y, Slides(h, layer, kGlobalEvery) ? local : global), x);
    x = b.Add(GatedMlp(b, y, "silu", h), x);
  }
  b.Head(x, h, {.layer_norm = true, .scale = b.MetaFloat("logit_scale", 1)});
}

void HfDefaults(HfConfig& c) { c.Default("sliding_window", int64_t{4096}); }

void ReadHfConfig(HfConfig& c) {
  c.Require("attention.sliding_window", "sliding_window");
  c.Set("logit_scale", c.Float("logit_scale", 0.0625));
}

constexpr HfMapping kHf[] = {
    {.classes = "Cohere2ForCausalLM", .norm_eps = 1e-5, .defaults = HfDefaults, .config = ReadHfConfig}};

}  // namespace
extern const ModelDesc k_model_cohere2;
const ModelDesc k_model_cohere2 = {
    .name = "cohere2", .summary = "Command R7B, Command A", .build = Build, .hf = kHf};
}  // namespace tern
