// Phi-1, 1.5 and 2: attention and MLP side by side off one LayerNorm, RoPE on a part of every head, biases
// everywhere.

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
    attention.qk_norm = b.HasPart("attn_q_norm") ? QkNorm::kLayerShared : QkNorm::kNone;
    const ValueId y = b.LayerNorm(x, "attn_norm", h);
    x = b.Add(SelfAttention(b, y, attention), x);
    x = b.Add(PlainMlp(b, y, "gelu_tanh", h), x);
  }
  b.Head(x, h, {.layer_norm = true});
}

void HfDefaults(HfConfig& c) { c.Default("partial_rotary_factor", 0.5); }

constexpr HfRule kHfRules[] = {
    {"layers.{}.self_attn.dense.*", "blk.{}.attn_output.*"},
    {"layers.{}.self_attn.q_layernorm.*", "blk.{}.attn_q_norm.*"},
    {"layers.{}.self_attn.k_layernorm.*", "blk.{}.attn_k_norm.*"},
    {"layers.{}.mlp.fc1.*", "blk.{}.ffn_up.*"},
    {"layers.{}.mlp.fc2.*", "blk.{}.ffn_down.*"},
    {"final_layernorm.*", "output_norm.*"},
};
constexpr HfMapping kHf[] = {
    {.classes = "PhiForCausalLM", .norm_eps = 1e-5, .defaults = HfDefaults, .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_phi2;
const ModelDesc k_model_phi2 = {
    .name = "phi2", .summary = "Phi-1, Phi-1.5, Phi-2", .build = Build, .hf = kHf};
}  // namespace tern
