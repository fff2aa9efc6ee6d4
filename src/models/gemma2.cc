// Gemma 2: norms before and after each block, soft caps on attention scores and logits, every other layer
// with a sliding window.

#include <cmath>

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

constexpr int kGlobalEvery = 2;
constexpr int64_t kWindow = 4096;  // of files that do not say

// q k^T is scaled by query_pre_attn_scalar^-0.5, for which GGUF has no key: it is head_dim but for the 27B
// (46 layers).
float QueryScale(const Hparams& h, ModelBuilder& b) {
  const int scalar = h.layers == 46 ? h.width / h.heads : h.head_dim;
  return b.MetaFloat("attention.scale", 1.f / std::sqrt(static_cast<float>(scalar)));
}

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec global = RotaryAttention(b, h);
  global.scale = QueryScale(h, b);
  global.softcap = b.MetaFloat("attn_logit_softcapping", 50);
  global.window = 0;
  AttentionSpec local = global;
  local.window = h.window > 0 ? h.window : kWindow;

  ValueId x = b.EmbedTokens(h, std::sqrt(static_cast<float>(h.width)));
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    const AttentionSpec& attention = Slides(h, layer, kGlobalEvery) ? local : global;
    ValueId y = SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention);
    x = b.Add(b.RmsNorm(y, "post_attention_norm", h), x);
    y = GatedMlp(b, b.RmsNorm(x, "ffn_norm", h), "gelu_tanh", h);
    x = b.Add(b.RmsNorm(y, "post_ffw_norm", h), x);
  }
  b.Head(x, h, {.softcap = b.MetaFloat("final_logit_softcapping", 30)});
}

void HfDefaults(HfConfig& c) {
  c.Default("head_dim", int64_t{256});
  c.Default("sliding_window", kWindow);
  c.Default("attn_logit_softcapping", 50.0);
  c.Default("final_logit_softcapping", 30.0);
}

void ReadHfConfig(HfConfig& c) {
  c.Require("attention.sliding_window", "sliding_window");
  c.Set("attention.scale", 1 / std::sqrt(c.Float("query_pre_attn_scalar", 256)));
  c.Set("attn_logit_softcapping", c.Float("attn_logit_softcapping", 0));
  c.Set("final_logit_softcapping", c.Float("final_logit_softcapping", 0));
  c.RefuseUnless("use_bidirectional_attention", false);
}

constexpr HfRule kHfRules[] = {
    {"norm.weight", "output_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.post_attention_layernorm.weight", "blk.{}.post_attention_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.pre_feedforward_layernorm.weight", "blk.{}.ffn_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.post_feedforward_layernorm.weight", "blk.{}.post_ffw_norm.weight", nullptr, kHfPlusOne},
};
constexpr HfMapping kHf[] = {{.classes = "Gemma2ForCausalLM",
                              .norm_eps = 1e-6,
                              .kv_heads = 4,
                              .defaults = HfDefaults,
                              .config = ReadHfConfig,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_gemma2;
const ModelDesc k_model_gemma2 = {.name = "gemma2", .summary = "Gemma 2", .build = Build, .hf = kHf};
}  // namespace tern
