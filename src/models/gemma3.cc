// Gemma 3 (text): norms before and after each block, q/k norms, five sliding-window layers to one global
// layer, each kind with its own RoPE base.

#include <cmath>

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/rope.h"

namespace tern {
namespace {

constexpr int kGlobalEvery = 6;
constexpr float kLocalRopeBase = 10000.f;  // GGUF stores only the global one

Result<Hparams> ReadHparams(const Metadata& metadata) {
  TERN_TRY(Hparams h, ReadCommonHparams(metadata, "gemma3"));
  if (h.window <= 0) return BadInput("gemma3.attention.sliding_window: missing, expected a positive number");
  return h;
}

// q k^T is scaled by query_pre_attn_scalar^-0.5; GGUF has no key for it. It is head_dim but for the 27B (62
// layers).
float QueryScale(const Hparams& h) {
  const int scalar = h.layers == 62 ? h.width / h.heads : h.head_dim;
  return 1.f / std::sqrt(static_cast<float>(scalar));
}

void Build(const Hparams& h, ModelBuilder& b) {
  const ValueId embedding = b.Weight("token_embd.weight", {h.vocabulary, h.width});
  AttentionSpec local{.width = h.width, .heads = h.heads, .kv_heads = h.kv_heads, .head_dim = h.head_dim};
  local.scale = QueryScale(h);
  local.qk_norm = true;
  local.norm_eps = h.norm_eps;
  AttentionSpec global = local;
  local.window = h.window;
  local.rope = RopeTable(b, {"rope_inv_freq_local", kLocalRopeBase, h.rope_dims, 1.f, ""});
  global.rope = RopeTable(b, {"rope_inv_freq_global", h.rope_base, h.rope_dims, h.rope_linear_factor, ""});

  ValueId x = b.Embed(embedding, std::sqrt(static_cast<float>(h.width)));
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    const AttentionSpec& attention = (layer + 1) % kGlobalEvery == 0 ? global : local;
    ValueId y = SelfAttention(b, b.RmsNorm(x, "attn_norm", h.width, h.norm_eps), attention);
    x = b.Add(b.RmsNorm(y, "post_attention_norm", h.width, h.norm_eps), x);
    y = GatedMlp(b, b.RmsNorm(x, "ffn_norm", h.width, h.norm_eps), "gelu_tanh", h.width, h.ffn_width);
    x = b.Add(b.RmsNorm(y, "post_ffw_norm", h.width, h.norm_eps), x);
  }
  b.Head(x, embedding, h);
}

}  // namespace
extern const ModelDesc k_model_gemma3;
const ModelDesc k_model_gemma3 = {
    .name = "gemma3", .summary = "Gemma 3 text models", .read_hparams = ReadHparams, .build = Build};
}  // namespace tern
