// StableLM: LayerNorm before each block, RoPE on a part of every head, SwiGLU. StableLM 2 12B: attention and
// MLP side by side off one norm, q and k normed per head.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = RotaryAttention(b, h);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    attention.qk_norm = b.HasPart("attn_q_norm") ? QkNorm::kLayerPerHead : QkNorm::kNone;
    const ValueId normed = b.LayerNorm(x, "attn_norm", h);
    x = b.Add(SelfAttention(b, normed, attention), x);
    // GGUF's use_parallel_residual is set in sequential models too: what has no norm is parallel.
    const ValueId y = b.HasPart("ffn_norm") ? b.LayerNorm(x, "ffn_norm", h) : normed;
    x = b.Add(GatedMlp(b, y, "silu", h), x);
  }
  b.Head(x, h, {.layer_norm = true});
}

void HfDefaults(HfConfig& c) { c.Default("partial_rotary_factor", c.Float("rope_pct", 0.25)); }

void ReadHfConfig(HfConfig& c) { c.Set("use_parallel_residual", c.Bool("use_parallel_residual", false)); }

constexpr HfRule kHfRules[] = {
    {"layers.{}.self_attn.q_layernorm.norms.{e}.weight", "blk.{}.attn_q_norm.weight"},
    {"layers.{}.self_attn.k_layernorm.norms.{e}.weight", "blk.{}.attn_k_norm.weight"},
};
constexpr HfMapping kHf[] = {{.classes = "StableLmForCausalLM StableLMEpochForCausalLM",
                              .norm_eps = 1e-5,
                              .kv_heads = 32,
                              .defaults = HfDefaults,
                              .config = ReadHfConfig,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_stablelm;
const ModelDesc k_model_stablelm = {
    .name = "stablelm", .summary = "StableLM 3B, StableLM 2", .build = Build, .hf = kHf};
}  // namespace tern
