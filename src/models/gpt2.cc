// GPT-2: learned positions, LayerNorm before each block, a plain MLP.

#include "models/blocks/attention.h"
#include "models/blocks/embedding.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = AttentionOf(h);
  const bool by_layer = b.MetaBool("attention.scale_by_inverse_layer", false);
  ValueId x = b.Add(b.EmbedTokens(h), LearnedPositions(b, h));
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    if (by_layer) attention.scale = h.attention_scale / static_cast<float>(layer + 1);
    x = b.Add(SelfAttention(b, b.LayerNorm(x, "attn_norm", h), attention), x);
    const ValueId y = b.LayerNorm(x, "ffn_norm", h);
    x = b.Add(PlainMlp(b, y, "gelu_tanh", h), x);
  }
  b.Head(x, h, {.layer_norm = true});
}

void ReadHfConfig(HfConfig& c) {
  c.Set("attention.head_count_kv", c.Int("n_head", c.Int("num_attention_heads", 0)));
  c.Set("feed_forward_length", c.Int("n_inner", 4 * c.Int("n_embd", c.Int("hidden_size", 0))));
  if (!c.Bool("scale_attn_weights", true)) c.Set("attention.scale", 1.0);
  if (c.Bool("scale_attn_by_inverse_layer_idx", false)) c.Set("attention.scale_by_inverse_layer", true);
}

constexpr HfRule kHfRules[] = {
    {"wte.weight", "token_embd.weight"},
    {"wpe.weight", "position_embd.weight"},
    {"h.{}.ln_1.*", "blk.{}.attn_norm.*"},
    {"h.{}.attn.c_attn.weight", "blk.{}.attn_qkv.weight", nullptr, kHfTranspose},
    {"h.{}.attn.c_attn.bias", "blk.{}.attn_qkv.bias"},
    {"h.{}.attn.c_proj.weight", "blk.{}.attn_output.weight", nullptr, kHfTranspose},
    {"h.{}.attn.c_proj.bias", "blk.{}.attn_output.bias"},
    {"h.{}.ln_2.*", "blk.{}.ffn_norm.*"},
    {"h.{}.mlp.c_fc.weight", "blk.{}.ffn_up.weight", nullptr, kHfTranspose},
    {"h.{}.mlp.c_fc.bias", "blk.{}.ffn_up.bias"},
    {"h.{}.mlp.c_proj.weight", "blk.{}.ffn_down.weight", nullptr, kHfTranspose},
    {"h.{}.mlp.c_proj.bias", "blk.{}.ffn_down.bias"},
    {"ln_f.*", "output_norm.*"},
    {"h.{}.attn.bias", "", nullptr, kHfIgnore},  // masks
    {"h.{}.attn.masked_bias", "", nullptr, kHfIgnore},
};
constexpr HfMapping kHf[] = {{.classes = "GPT2LMHeadModel",
                              .norm_eps = 1e-5,
                              .prefixes = "transformer.",
                              .config = ReadHfConfig,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_gpt2;
const ModelDesc k_model_gpt2 = {.name = "gpt2", .summary = "GPT-2", .build = Build, .hf = kHf};
}  // namespace tern
