// GLM-4 of 2025 (0414): norms before and after each block, RoPE on neighbours in a part of every head, gate
// and up in one tensor.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = RotaryAttention(b, h, "pair");

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    ValueId y = SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention);
    x = b.Add(b.RmsNorm(y, "post_attention_norm", h), x);
    y = GatedMlp(b, b.RmsNorm(x, "ffn_norm", h), "silu", h);
    x = b.Add(b.RmsNorm(y, "post_ffw_norm", h), x);
  }
  b.Head(x, h);
}

void HfDefaults(HfConfig& c) {
  c.Default("partial_rotary_factor", 0.5);
  c.Default("head_dim", int64_t{128});
}

constexpr HfRule kHfRules[] = {
    {"layers.{}.post_self_attn_layernorm.weight", "blk.{}.post_attention_norm.weight"},
    {"layers.{}.post_mlp_layernorm.weight", "blk.{}.post_ffw_norm.weight"},
    {"layers.{}.mlp.gate_up_proj.*", "blk.{}.ffn_up.*"},
};
constexpr HfMapping kHf[] = {{.classes = "Glm4ForCausalLM",
                              .norm_eps = 1.5625e-7,
                              .kv_heads = 2,
                              .defaults = HfDefaults,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_glm4;
const ModelDesc k_model_glm4 = {.name = "glm4", .summary = "GLM-4-0414", .build = Build, .hf = kHf};
}  // namespace tern
