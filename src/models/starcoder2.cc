// StarCoder2: LayerNorm before each block, RoPE, grouped KV heads, a plain MLP, biases.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = RotaryAttention(b, h);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    x = b.Add(SelfAttention(b, b.LayerNorm(x, "attn_norm", h), attention), x);
    const ValueId y = b.LayerNorm(x, "ffn_norm", h);
    x = b.Add(PlainMlp(b, y, "gelu_tanh", h), x);
  }
  b.Head(x, h, {.layer_norm = true});
}

constexpr HfRule kHfRules[] = {
    {"layers.{}.mlp.c_fc.*", "blk.{}.ffn_up.*"},
    {"layers.{}.mlp.c_proj.*", "blk.{}.ffn_down.*"},
};
constexpr HfMapping kHf[] = {
    {.classes = "Starcoder2ForCausalLM", .norm_eps = 1e-5, .kv_heads = 2, .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_starcoder2;
const ModelDesc k_model_starcoder2 = {
    .name = "starcoder2", .summary = "StarCoder2", .build = Build, .hf = kHf};
}  // namespace tern
