// Gemma 1: Llama's layer with a GELU gate, embeddings scaled by the root of the width, norms stored as their
// distance from one.

#include <cmath>

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = RotaryAttention(b, h);

  ValueId x = b.EmbedTokens(h, std::sqrt(static_cast<float>(h.width)));
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    const ValueId y = b.RmsNorm(x, "ffn_norm", h);
    x = b.Add(GatedMlp(b, y, "gelu_tanh", h), x);
  }
  b.Head(x, h);
}

void HfDefaults(HfConfig& c) { c.Default("head_dim", int64_t{256}); }

void ReadHfConfig(HfConfig& c) {
  // The first files say "gelu" where they mean its approximation.
  if (c.Str("hidden_activation", c.Str("hidden_act", "gelu")) == "gelu") {
    c.Set("hidden_activation", std::string("gelu_pytorch_tanh"));
  }
  c.RefuseUnless("use_bidirectional_attention", false);
}

constexpr HfRule kHfRules[] = {
    {"norm.weight", "output_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight", nullptr, kHfPlusOne},
    {"layers.{}.post_attention_layernorm.weight", "blk.{}.ffn_norm.weight", nullptr, kHfPlusOne},
};
constexpr HfMapping kHf[] = {{.classes = "GemmaForCausalLM",
                              .norm_eps = 1e-6,
                              .kv_heads = 16,
                              .defaults = HfDefaults,
                              .config = ReadHfConfig,
                              .rules = kHfRules,
                              .activations = "gelu gelu_pytorch_tanh"}};

}  // namespace
extern const ModelDesc k_model_gemma;
const ModelDesc k_model_gemma = {.name = "gemma", .summary = "Gemma, CodeGemma", .build = Build, .hf = kHf};
}  // namespace tern
