// ChatGLM 2 and 3, GLM-4 9B: Llama's layer, RoPE on neighbours in the first half of every head, gate and up
// in one tensor.

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
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    x = b.Add(GatedMlp(b, b.RmsNorm(x, "ffn_norm", h), "silu", h), x);
  }
  b.Head(x, h);
}

void HfDefaults(HfConfig& c) {
  c.Default("partial_rotary_factor", 0.5);
  c.Default("head_dim", int64_t{128});
}

// The config of the model's own code, before Transformers had it.
void OwnCodeDefaults(HfConfig& c) {
  c.Default("partial_rotary_factor", 0.5);
  c.Default("head_dim", c.Int("kv_channels", 128));
  c.Default("rope_theta", 10000 * c.Float("rope_ratio", 1));
}

void ReadOwnCodeConfig(HfConfig& c) {
  c.Set("attention.layer_norm_rms_epsilon", c.Float("layernorm_epsilon", 1e-5));
  const bool grouped = c.Bool("multi_query_attention", false);
  const int64_t heads = c.Int("num_attention_heads", 0);
  c.Set("attention.head_count_kv", grouped ? c.Int("multi_query_group_num", 1) : heads);
  c.RefuseUnless("apply_residual_connection_post_layernorm", false);
  c.RefuseUnless("rmsnorm", true);
  c.RefuseUnless("post_layer_norm", true);
}

constexpr HfRule kHfRules[] = {{"layers.{}.mlp.gate_up_proj.*", "blk.{}.ffn_up.*"}};
constexpr HfRule kOwnCodeRules[] = {
    {"embedding.word_embeddings.weight", "token_embd.weight"},
    {"encoder.layers.{}.input_layernorm.*", "blk.{}.attn_norm.*"},
    {"encoder.layers.{}.self_attention.query_key_value.*", "blk.{}.attn_qkv.*"},
    {"encoder.layers.{}.self_attention.dense.*", "blk.{}.attn_output.*"},
    {"encoder.layers.{}.post_attention_layernorm.*", "blk.{}.ffn_norm.*"},
    {"encoder.layers.{}.mlp.dense_h_to_4h.*", "blk.{}.ffn_up.*"},
    {"encoder.layers.{}.mlp.dense_4h_to_h.*", "blk.{}.ffn_down.*"},
    {"encoder.final_layernorm.*", "output_norm.*"},
    {"output_layer.*", "output.*"},
    {"rotary_pos_emb.inv_freq", "", nullptr, kHfIgnore},
};
constexpr HfMapping kHf[] = {{.classes = "GlmForCausalLM",
                              .norm_eps = 1.5625e-7,
                              .kv_heads = 2,
                              .defaults = HfDefaults,
                              .rules = kHfRules},
                             {.classes = "ChatGLMModel ChatGLMForConditionalGeneration",
                              .norm_eps = 1e-5,
                              .prefixes = "transformer.",
                              .defaults = OwnCodeDefaults,
                              .config = ReadOwnCodeConfig,
                              .rules = kOwnCodeRules}};

}  // namespace
extern const ModelDesc k_model_chatglm;
const ModelDesc k_model_chatglm = {
    .name = "chatglm", .summary = "ChatGLM 2 and 3, GLM-4 9B, GLM-Edge", .build = Build, .hf = kHf};
}  // namespace tern
