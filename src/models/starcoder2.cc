// StarCoder2: LayerNorm before each block, RoPE, grouped KV heads, a plain MLP, biases.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/rope.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  const ValueId embedding = b.Weight("token_embd.weight", {h.vocabulary, h.width});
  AttentionSpec attention = AttentionOf(h);
  attention.rope = RopeTable(b, h, RopeOf(h));

  ValueId x = b.Embed(embedding);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    x = b.Add(SelfAttention(b, b.LayerNorm(x, "attn_norm", h), attention), x);
    const ValueId y = b.LayerNorm(x, "ffn_norm", h);
    x = b.Add(PlainMlp(b, y, "gelu_tanh", h), x);
  }
  b.Logits(b.LayerNorm(b.WantedRows(x), "output_norm", h), embedding, h, {});
}

constexpr HfRule kHfRules[] = {
    {"layers.{}.mlp.c_fc.*", "blk.{}.ffn_up.*"},
    {"layers.{}.mlp.c_proj.*", "blk.{}.ffn_down.*"},
};
constexpr HfMapping kHf[] = {{.classes = "Starcoder2ForCausalLM", .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_starcoder2;
const ModelDesc k_model_starcoder2 = {
    .name = "starcoder2", .summary = "StarCoder2", .build = Build, .hf = kHf};
}  // namespace tern
