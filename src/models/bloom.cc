// BLOOM: ALiBi, a LayerNorm behind the embeddings and before each block.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

constexpr float kMaxAlibiBias = 8.f;
constexpr int64_t kContext = 2048;  // of all BLOOM models; not all configs say so

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = AttentionOf(h);
  attention.alibi = AlibiSlopes(b, h.heads, kMaxAlibiBias);

  ValueId x = b.LayerNorm(b.EmbedTokens(h), "token_embd_norm", h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    x = b.Add(SelfAttention(b, b.LayerNorm(x, "attn_norm", h), attention), x);
    const ValueId y = b.LayerNorm(x, "ffn_norm", h);
    x = b.Add(PlainMlp(b, y, "gelu_tanh", h), x);
  }
  b.Head(x, h, {.layer_norm = true});
}

void HfDefaults(HfConfig& c) {
  if (c.Has("n_embed")) c.Default("hidden_size", c.Int("n_embed", 0));
  c.Default("seq_length", kContext);
}

void ReadHfConfig(HfConfig& c) {
  c.Set("attention.head_count_kv", c.Int("n_head", c.Int("num_attention_heads", 0)));
  c.Set("feed_forward_length", 4 * c.Int("hidden_size", 0));
  c.RefuseUnless("apply_residual_connection_post_layernorm", false);
}

constexpr HfRule kHfRules[] = {
    {"word_embeddings.weight", "token_embd.weight"},
    {"word_embeddings_layernorm.*", "token_embd_norm.*"},
    {"h.{}.input_layernorm.*", "blk.{}.attn_norm.*"},
    {"h.{}.self_attention.query_key_value.*", "blk.{}.attn_qkv.*", UngroupQkvRows},
    {"h.{}.self_attention.dense.*", "blk.{}.attn_output.*"},
    {"h.{}.post_attention_layernorm.*", "blk.{}.ffn_norm.*"},
    {"h.{}.mlp.dense_h_to_4h.*", "blk.{}.ffn_up.*"},
    {"h.{}.mlp.dense_4h_to_h.*", "blk.{}.ffn_down.*"},
    {"ln_f.*", "output_norm.*"},
};
constexpr HfMapping kHf[] = {{.classes = "BloomForCausalLM BloomModel",
                              .norm_eps = 1e-5,
                              .prefixes = "transformer.",
                              .defaults = HfDefaults,
                              .config = ReadHfConfig,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_bloom;
const ModelDesc k_model_bloom = {.name = "bloom", .summary = "BLOOM, BLOOMZ", .build = Build, .hf = kHf};
}  // namespace tern
