// OLMo 2 and 3: norms behind each block and none before, q and k normed as a whole. OLMo 3: three
// sliding-window layers to one global layer, whose RoPE alone is scaled.

#include "models/activation.h"
#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/rope.h"
#include "models/hf/config.h"

namespace tern {
namespace {

constexpr int kGlobalEvery = 4;

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec local = AttentionOf(h);
  local.qk_norm = QkNorm::kRmsWhole;
  AttentionSpec global = local;
  global.window = 0;
  global.rope = RopeTable(b, h, RopeOf(h));
  if (h.window > 0) {
    const float base = b.MetaFloat("rope.freq_base_swa", h.rope_base);
    local.rope = RopeTable(b, h, {.name = "rope_inv_freq_local", .base = base, .dims = h.rope_dims});
  }

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    const bool slides = h.window > 0 && Slides(h, layer, kGlobalEvery);
    x = b.Add(b.RmsNorm(SelfAttention(b, x, slides ? local : global), "post_attention_norm", h), x);
    x = b.Add(b.RmsNorm(GatedMlp(b, x, "silu", h), "post_ffw_norm", h), x);
  }
  b.Head(x, h);
}

void Hf3Defaults(HfConfig& c) {
  c.Default("rope_theta", 500000.0);
  c.Default("sliding_window", int64_t{4096});
}

void ReadHf3Config(HfConfig& c) {
  c.Require("attention.sliding_window", "sliding_window");
  ReadSlidingRope(c, "");
}

constexpr HfRule kHfRules[] = {
    {"layers.{}.post_attention_layernorm.weight", "blk.{}.post_attention_norm.weight"},
    {"layers.{}.post_feedforward_layernorm.weight", "blk.{}.post_ffw_norm.weight"},
};
constexpr HfMapping kHf[] = {{.classes = "Olmo2ForCausalLM", .norm_eps = 1e-5, .rules = kHfRules},
                             {.classes = "Olmo3ForCausalLM",
                              .norm_eps = 1e-5,
                              .defaults = Hf3Defaults,
                              .config = ReadHf3Config,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_olmo2;
const ModelDesc k_model_olmo2 = {.name = "olmo2", .summary = "OLMo 2, OLMo 3", .build = Build, .hf = kHf};
}  // namespace tern
