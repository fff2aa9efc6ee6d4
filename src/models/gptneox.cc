// GPT-NeoX and Pythia: attention and MLP side by side, each with a LayerNorm of its own, or one after the
// other; RoPE on a part of every head.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = RotaryAttention(b, h);
  const bool parallel = b.MetaBool("use_parallel_residual", true);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    const ValueId y = b.Add(SelfAttention(b, b.LayerNorm(x, "attn_norm", h), attention), x);
    const ValueId z = b.LayerNorm(parallel ? x : y, "ffn_norm", h);
    x = b.Add(PlainMlp(b, z, "gelu", h), y);
  }
  b.Head(x, h, {.layer_norm = true});
}

void HfDefaults(HfConfig& c) { c.Default("partial_rotary_factor", 0.25); }

void ReadHfConfig(HfConfig& c) {
  c.Set("attention.head_count_kv", c.Int("num_attention_heads", 0));
  c.Set("use_parallel_residual", c.Bool("use_parallel_residual", true));
}

constexpr HfRule kHfRules[] = {
    {"embed_in.weight", "token_embd.weight"},
    {"layers.{}.attention.query_key_value.*", "blk.{}.attn_qkv.*", UngroupQkvRows},
    {"layers.{}.attention.dense.*", "blk.{}.attn_output.*"},
    {"layers.{}.mlp.dense_h_to_4h.*", "blk.{}.ffn_up.*"},
    {"layers.{}.mlp.dense_4h_to_h.*", "blk.{}.ffn_down.*"},
    {"final_layer_norm.*", "output_norm.*"},
    {"embed_out.*", "output.*"},
    {"layers.{}.attention.bias", "", nullptr, kHfIgnore},  // masks
    {"layers.{}.attention.masked_bias", "", nullptr, kHfIgnore},
    {"layers.{}.attention.rotary_emb.inv_freq", "", nullptr, kHfIgnore},
};
constexpr HfMapping kHf[] = {{.classes = "GPTNeoXForCausalLM",
                              .norm_eps = 1e-5,
                              .prefixes = "gpt_neox.",
                              .defaults = HfDefaults,
                              .config = ReadHfConfig,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_gptneox;
const ModelDesc k_model_gptneox = {
    .name = "gptneox", .summary = "GPT-NeoX, Pythia", .build = Build, .hf = kHf};
}  // namespace tern
