// Granite: Llama's layer with multipliers on embeddings, attention scores, what each block adds, and logits.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  // GGUF permutes q and k rows, as in llama
  AttentionSpec attention = RotaryAttention(b, h, "pair");
  const float residual = b.MetaFloat("residual_scale", 1);
  const float logits = b.MetaFloat("logit_scale", 1);
  if (logits == 0) b.Fail(BadInput("granite.logit_scale: 0, expected a divisor of the logits"));

  ValueId x = b.EmbedTokens(h, b.MetaFloat("embedding_scale", 1));
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    ValueId y = SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention);
    x = b.Add(b.Scale(y, residual), x);
    y = GatedMlp(b, b.RmsNorm(x, "ffn_norm", h), "silu", h);
    x = b.Add(b.Scale(y, residual), x);
  }
  b.Head(x, h, {.scale = 1 / logits});
}

void ReadHfConfig(HfConfig& c) {
  c.Set("attention.scale", c.Float("attention_multiplier", 1));
  c.Set("embedding_scale", c.Float("embedding_multiplier", 1));
  c.Set("residual_scale", c.Float("residual_multiplier", 1));
  c.Set("logit_scale", c.Float("logits_scaling", 1));
}

constexpr HfRule kHfRules[] = {
    {"layers.{}.self_attn.q_proj.*", "blk.{}.attn_q.*", PairRowsQ},
    {"layers.{}.self_attn.k_proj.*", "blk.{}.attn_k.*", PairRowsK},
};
constexpr HfMapping kHf[] = {
    {.classes = "GraniteForCausalLM", .norm_eps = 1e-6, .config = ReadHfConfig, .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_granite;
const ModelDesc k_model_granite = {
    .name = "granite", .summary = "Granite 3 (dense)", .build = Build, .hf = kHf};
}  // namespace tern
