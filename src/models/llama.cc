// Llama 1-3 and everything built alike: pre-norm, RoPE, grouped KV heads, SwiGLU.

#include <cmath>

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/rope.h"

namespace tern {
namespace {

Result<Hparams> ReadHparams(const Metadata& metadata) { return ReadCommonHparams(metadata, "llama"); }

void Build(const Hparams& h, ModelBuilder& b) {
  const ValueId embedding = b.Weight("token_embd.weight", {h.vocabulary, h.width});
  // Llama 3's long-context scaling comes as a tensor of divisors.
  const std::string factors = b.Has("rope_freqs.weight") ? "rope_freqs.weight" : "";
  AttentionSpec attention{.width = h.width, .heads = h.heads, .kv_heads = h.kv_heads, .head_dim = h.head_dim};
  attention.scale = 1.f / std::sqrt(static_cast<float>(h.head_dim));
  attention.rope_style = "pair";  // GGUF permutes q and k rows of this architecture, and of no other
  attention.rope = RopeTable(b, {"rope_inv_freq", h.rope_base, h.rope_dims, h.rope_linear_factor, factors});

  ValueId x = b.Embed(embedding);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h.width, h.norm_eps), attention), x);
    x = b.Add(GatedMlp(b, b.RmsNorm(x, "ffn_norm", h.width, h.norm_eps), "silu", h.width, h.ffn_width), x);
  }
  b.Head(x, embedding, h);
}

}  // namespace
extern const ModelDesc k_model_llama;
const ModelDesc k_model_llama = {
    .name = "llama", .summary = "Llama 1-3, SmolLM, TinyLlama", .read_hparams = ReadHparams, .build = Build};
}  // namespace tern
