// Falcon: attention and MLP side by side off one LayerNorm (7B) or two (40B), multi-query or grouped. The RW
// models: one after the other, ALiBi instead of RoPE.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  const float max_bias = b.MetaFloat("attention.max_alibi_bias", 0);
  AttentionSpec attention = max_bias > 0 ? AttentionOf(h) : RotaryAttention(b, h);
  // Transformers rounds what a slope adds to bf16, which shows from nine heads or 256 tokens on; we do not.
  if (max_bias > 0) attention.alibi = AlibiSlopes(b, h.heads, max_bias, attention.scale);
  const bool parallel = b.MetaBool("use_parallel_residual", true);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    const ValueId normed = b.LayerNorm(x, "attn_norm", h);
    const bool own_norm = b.HasPart("attn_norm_2");
    const ValueId z = own_norm ? b.LayerNorm(x, "attn_norm_2", h) : normed;
    const ValueId y = b.Add(SelfAttention(b, z, attention), x);
    const ValueId in = parallel ? normed : b.LayerNorm(y, "ffn_norm", h);
    x = b.Add(PlainMlp(b, in, "gelu", h), y);
  }
  b.Head(x, h, {.layer_norm = true});
}

void HfDefaults(HfConfig& c) {
  c.Default("max_position_embeddings", int64_t{2048});
  if (c.Has("n_embed")) c.Default("hidden_size", c.Int("n_embed", 0));
}

void ReadHfConfig(HfConfig& c) {
  const int64_t heads = c.Int("num_attention_heads", c.Int("n_head", 0));
  // The first 40B files name no architecture of theirs, but count their KV heads.
  const bool grouped = c.Bool("new_decoder_architecture", c.Has("n_head_kv"));
  const int64_t one_each = c.Bool("multi_query", true) ? 1 : heads;
  const int64_t kv_heads = grouped ? c.Int("num_kv_heads", c.Int("n_head_kv", heads)) : one_each;
  c.Set("attention.head_count_kv", kv_heads);
  c.Set("feed_forward_length", c.Int("ffn_hidden_size", 4 * c.Int("hidden_size", 0)));
  c.Set("use_parallel_residual", grouped || c.Bool("parallel_attn", true));
  if (c.Bool("alibi", false)) c.Set("attention.max_alibi_bias", 8.0);
}

constexpr HfRule kHfRules[] = {
    {"word_embeddings.weight", "token_embd.weight"},
    {"h.{}.input_layernorm.*", "blk.{}.attn_norm.*"},
    {"h.{}.ln_mlp.*", "blk.{}.attn_norm.*"},
    {"h.{}.ln_attn.*", "blk.{}.attn_norm_2.*"},
    {"h.{}.post_attention_layernorm.*", "blk.{}.ffn_norm.*"},
    {"h.{}.self_attention.query_key_value.*", "blk.{}.attn_qkv.*", UngroupQkvRows},
    {"h.{}.self_attention.dense.*", "blk.{}.attn_output.*"},
    {"h.{}.mlp.dense_h_to_4h.*", "blk.{}.ffn_up.*"},
    {"h.{}.mlp.dense_4h_to_h.*", "blk.{}.ffn_down.*"},
    {"ln_f.*", "output_norm.*"},
};
constexpr HfMapping kHf[] = {{.classes = "FalconForCausalLM RWForCausalLM",
                              .norm_eps = 1e-5,
                              .prefixes = "transformer.",
                              .defaults = HfDefaults,
                              .config = ReadHfConfig,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_falcon;
const ModelDesc k_model_falcon = {
    .name = "falcon", .summary = "Falcon 7B, 40B, 11B and RW", .build = Build, .hf = kHf};
}  // namespace tern
