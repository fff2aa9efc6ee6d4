// Llama 1-3 and everything built alike: pre-norm, RoPE, grouped KV heads, SwiGLU; Mistral's sliding window.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/rope.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  const ValueId embedding = b.Weight("token_embd.weight", {h.vocabulary, h.width});
  AttentionSpec attention = AttentionOf(h);
  attention.rope_style = "pair";  // GGUF permutes q and k rows of this architecture, and of no other
  attention.rope = RopeTable(b, h, RopeOf(h));

  ValueId x = b.Embed(embedding);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    attention.window = h.window_of(layer);
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h.width, h.norm_eps), attention), x);
    x = b.Add(GatedMlp(b, b.RmsNorm(x, "ffn_norm", h.width, h.norm_eps), "silu", h.width, h.ffn_width), x);
  }
  b.Head(x, embedding, h);
}

constexpr HfRule kHfRules[] = {
    {"layers.{}.self_attn.q_proj.*", "blk.{}.attn_q.*", PairRowsQ},
    {"layers.{}.self_attn.k_proj.*", "blk.{}.attn_k.*", PairRowsK},
};
constexpr HfMapping kHf[] = {{.classes = "LlamaForCausalLM MistralForCausalLM", .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_llama;
const ModelDesc k_model_llama = {
    .name = "llama", .summary = "Llama 1-3, SmolLM, TinyLlama, Mistral", .build = Build, .hf = kHf};
}  // namespace tern
