// Llama 1-3 and everything built alike: pre-norm, RoPE, grouped KV heads, SwiGLU; Mistral's sliding window;
// Mixtral's experts.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/moe.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  // GGUF permutes q and k rows of this architecture, and of no other
  AttentionSpec attention = RotaryAttention(b, h, "pair");
  const MoeSpec moe = MoeOf(b, h, /*normalize=*/true);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    attention.window = h.window_of(layer);
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    const ValueId y = b.RmsNorm(x, "ffn_norm", h);
    x = b.Add(h.experts > 0 ? MoeMlp(b, y, moe) : GatedMlp(b, y, "silu", h), x);
  }
  b.Head(x, h);
}

constexpr HfRule kHfRules[] = {
    {"layers.{}.self_attn.q_proj.*", "blk.{}.attn_q.*", PairRowsQ},
    {"layers.{}.self_attn.k_proj.*", "blk.{}.attn_k.*", PairRowsK},
};
constexpr HfRule kMixtralRules[] = {
    {"layers.{}.self_attn.q_proj.*", "blk.{}.attn_q.*", PairRowsQ},
    {"layers.{}.self_attn.k_proj.*", "blk.{}.attn_k.*", PairRowsK},
    {"layers.{}.block_sparse_moe.gate.weight", "blk.{}.ffn_gate_inp.weight"},
    {"layers.{}.block_sparse_moe.experts.{e}.w1.*", "blk.{}.ffn_gate_exps.*"},
    {"layers.{}.block_sparse_moe.experts.{e}.w2.*", "blk.{}.ffn_down_exps.*"},
    {"layers.{}.block_sparse_moe.experts.{e}.w3.*", "blk.{}.ffn_up_exps.*"},
};
void MistralDefaults(HfConfig& c) { c.Default("sliding_window", int64_t{4096}); }
void MixtralDefaults(HfConfig& c) { c.Default("rope_theta", 1000000.0); }

constexpr HfMapping kHf[] = {{.classes = "LlamaForCausalLM", .norm_eps = 1e-6, .rules = kHfRules},
                             {.classes = "MistralForCausalLM",
                              .norm_eps = 1e-6,
                              .kv_heads = 8,
                              .defaults = MistralDefaults,
                              .rules = kHfRules},
                             {.classes = "MixtralForCausalLM",
                              .norm_eps = 1e-5,
                              .kv_heads = 8,
                              .defaults = MixtralDefaults,
                              .rules = kMixtralRules}};

}  // namespace
extern const ModelDesc k_model_llama;
const ModelDesc k_model_llama = {
    .name = "llama", .summary = "Llama 1-3, SmolLM, TinyLlama, Mistral, Mixtral", .build = Build, .hf = kHf};
}  // namespace tern
