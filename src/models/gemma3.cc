// Gemma 3 (text): norms before and after each block, q/k norms, five sliding-window layers to one global
// layer, each kind with its own RoPE base.

#include <cmath>

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/rope.h"
#include "models/hf/config.h"

namespace tern {
namespace {

constexpr int kGlobalEvery = 6;
constexpr float kLocalRopeBase = 10000.f;  // GGUF stores only the global one

// q k^T is scaled by query_pre_attn_scalar^-0.5. Older GGUF files have no key for it: it is head_dim but for
// the 27B (62 layers).
float QueryScale(const Hparams& h, ModelBuilder& b) {
  const int scalar = h.layers == 62 ? h.width / h.heads : h.head_dim;
  return b.MetaFloat("attention.scale", 1.f / std::sqrt(static_cast<float>(scalar)));
}

void Build(const Hparams& h, ModelBuilder& b) {
  if (h.window <= 0) {
    b.Fail(BadInput("gemma3.attention.sliding_window: 0 or missing, expected a positive number"));
    return;
  }
  AttentionSpec local = AttentionOf(h);
  local.scale = QueryScale(h, b);
  local.qk_norm = QkNorm::kRmsPerHead;
  AttentionSpec global = local;
  global.window = 0;
  const float local_base = b.MetaFloat("rope.freq_base_swa", kLocalRopeBase);
  local.rope = RopeTable(b, h, {.name = "rope_inv_freq_local", .base = local_base, .dims = h.rope_dims});
  RopeSpec rope = RopeOf(h);
  rope.name = "rope_inv_freq_global";
  global.rope = RopeTable(b, h, rope);

  ValueId x = b.EmbedTokens(h, std::sqrt(static_cast<float>(h.width)));
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    const AttentionSpec& attention = Slides(h, layer, kGlobalEvery) ? local : global;
    ValueId y = SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention);
    x = b.Add(b.RmsNorm(y, "post_attention_norm", h), x);
    y = GatedMlp(b, b.RmsNorm(x, "ffn_norm", h), "gelu_tanh", h);
    x = b.Add(b.RmsNorm(y, "post_ffw_norm", h), x);
  }
  b.Head(x, h, {.softcap = b.MetaFloat("final_logit_softcapping", 0)});
}

// The published 4B to 27B say in their text_config only what differs from the class.
void HfDefaults(HfConfig& c) {
  c.Default("hidden_size", int64_t{2304});
  c.Default("intermediate_size", int64_t{9216});
  c.Default("num_hidden_layers", int64_t{26});
  c.Default("num_attention_heads", int64_t{8});
  c.Default("head_dim", int64_t{256});
  c.Default("max_position_embeddings", int64_t{131072});
  c.Default("sliding_window", int64_t{4096});
  c.Default("rope_theta", 1000000.0);
  c.Default("rope_local_base_freq", 10000.0);
}

void ReadHfConfig(HfConfig& c) {
  c.Require("attention.sliding_window", "sliding_window");
  ReadSlidingRope(c, "rope_local_base_freq");
  c.Set("attention.scale", 1 / std::sqrt(c.Float("query_pre_attn_scalar", 256)));
  c.Set("hidden_activation", c.Activation("hidden_activation", "gelu_pytorch_tanh"));
  c.CopyFloat({"final_logit_softcapping"}, "final_logit_softcapping");
  c.RefuseUnless("use_bidirectional_attention", false);
}

constexpr HfRule kHfRules[] = {
    {"norm.weight", "output_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.post_attention_layernorm.weight", "blk.{}.post_attention_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.pre_feedforward_layernorm.weight", "blk.{}.ffn_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.post_feedforward_layernorm.weight", "blk.{}.post_ffw_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.self_attn.q_norm.weight", "blk.{}.attn_q_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.self_attn.k_norm.weight", "blk.{}.attn_k_norm.weight", nullptr, kHfPlusOne},
    {"vision_tower.**", "", nullptr, kHfIgnore},  // this is the text model alone
    {"multi_modal_projector.**", "", nullptr, kHfIgnore},
};
constexpr HfMapping kHf[] = {
    {.classes = "Gemma3ForCausalLM Gemma3ForConditionalGeneration",
     .norm_eps = 1e-6,
     .kv_heads = 4,
     .prefixes = "language_model.model. model.language_model. language_model. model.",
     .defaults = HfDefaults,
     .config = ReadHfConfig,
     .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_gemma3;
const ModelDesc k_model_gemma3 = {
    .name = "gemma3", .summary = "Gemma 3 text models", .build = Build, .hf = kHf};
}  // namespace tern
