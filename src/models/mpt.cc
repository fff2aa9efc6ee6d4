// MPT: ALiBi (or learned positions), LayerNorm before each block, mostly without biases.

#include "models/blocks/attention.h"
#include "models/blocks/embedding.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = AttentionOf(h);
  attention.clamp = b.MetaFloat("attention.clamp_kqv", 0);
  const float max_bias = b.MetaFloat("attention.max_alibi_bias", 0);
  if (max_bias > 0) attention.alibi = AlibiSlopes(b, h.heads, max_bias);

  ValueId x = b.EmbedTokens(h);
  if (b.Has("position_embd.weight")) x = b.Add(x, LearnedPositions(b, h));
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    attention.qk_norm = b.HasPart("attn_q_norm") ? QkNorm::kLayerWhole : QkNorm::kNone;
    x = b.Add(SelfAttention(b, b.LayerNorm(x, "attn_norm", h), attention), x);
    const ValueId y = b.LayerNorm(x, "ffn_norm", h);
    x = b.Add(PlainMlp(b, y, "gelu", h), x);
  }
  b.Head(x, h, {.layer_norm = true});
}

void ReadHfConfig(HfConfig& c) {
  c.RefuseUnless("attn_config.alibi", true);
  c.RefuseUnless("attn_config.prefix_lm", false);
  c.RefuseUnless("attn_config.qk_ln", false);
  const std::string type = c.Str("attn_config.attn_type", "multihead_attention");
  if (type != "multihead_attention") {
    c.Refuse(
        Unsupported("config.json: attn_config.attn_type: \"" + type + "\", supported: multihead_attention"));
  }
  if (c.Has("logit_scale")) c.Refuse(Unsupported("config.json: logit_scale: supported: null"));
  c.Set("attention.head_count_kv", c.Int("n_heads", 0));
  c.Set("feed_forward_length", 4 * c.Int("d_model", 0));
  c.Set("attention.layer_norm_epsilon", c.Float("layer_norm_epsilon", 1e-5));
  c.Set("attention.max_alibi_bias", c.Float("attn_config.alibi_bias_max", 8));
  c.CopyFloat({"attn_config.clip_qkv"}, "attention.clamp_kqv");
  c.CopyFloat({"attn_config.softmax_scale"}, "attention.scale");
}

constexpr HfRule kHfRules[] = {
    {"wte.weight", "token_embd.weight"},
    {"blocks.{}.norm_1.*", "blk.{}.attn_norm.*"},
    {"blocks.{}.attn.Wqkv.*", "blk.{}.attn_qkv.*"},
    {"blocks.{}.attn.out_proj.*", "blk.{}.attn_output.*"},
    {"blocks.{}.norm_2.*", "blk.{}.ffn_norm.*"},
    {"blocks.{}.ffn.up_proj.*", "blk.{}.ffn_up.*"},
    {"blocks.{}.ffn.down_proj.*", "blk.{}.ffn_down.*"},
    {"norm_f.*", "output_norm.*"},
};
constexpr HfMapping kHf[] = {{.classes = "MptForCausalLM MPTForCausalLM",
                              .norm_eps = 1e-5,
                              .prefixes = "transformer.",
                              .config = ReadHfConfig,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_mpt;
const ModelDesc k_model_mpt = {.name = "mpt", .summary = "MPT", .build = Build, .hf = kHf};
}  // namespace tern
