// ModernBERT: pre-norm, RoPE, gated GELU; every third layer attends globally, the others within a window.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/rope.h"
#include "models/hf/config.h"

namespace tern {
namespace {

constexpr int kGlobalEvery = 3;

bool Slides(const Hparams& h, int layer) {
  return h.slides.empty() ? layer % kGlobalEvery != 0 : h.slides[static_cast<size_t>(layer)];
}

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec global = AttentionOf(h);
  global.causal = false;
  AttentionSpec local = global;
  global.window = 0;
  local.window = h.window / 2;  // the file counts both sides
  global.rope = RopeTable(b, h, RopeOf(h));
  const float local_base = b.MetaFloat("rope.freq_base_swa", h.rope_base);
  local.rope = RopeTable(b, h, {.name = "rope_inv_freq_local", .base = local_base, .dims = h.rope_dims});
  const std::string act = b.MetaStr("hidden_activation", "gelu");

  ValueId x = b.EmbedTokens(h);
  x = b.LayerNorm(x, "token_embd_norm", h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    // The first layer's input is normed already.
    const ValueId y = layer == 0 ? x : b.LayerNorm(x, "attn_norm", h);
    x = b.Add(SelfAttention(b, y, Slides(h, layer) ? local : global), x);
    x = b.Add(GatedMlp(b, b.LayerNorm(x, "ffn_norm", h), act, h), x);
  }
  b.EnterLayer(-1);
  b.HiddenStates(b.LayerNorm(x, "output_norm", h));
}

void HfDefaults(HfConfig& c) { c.Default("local_rope_theta", 10000.0); }

void ReadHfConfig(HfConfig& c) {
  c.Set("hidden_activation", c.Activation("hidden_activation", "gelu"));
  c.Set("attention.sliding_window", c.Int("local_attention", 128));
  c.ReadLayerTypes();
  c.Set("rope.freq_base",
        c.Float("rope_parameters.full_attention.rope_theta", c.Float("global_rope_theta", 160000)));
  ReadSlidingRope(c, "local_rope_theta");
  if (!c.Has("layer_types")) {
    const int64_t every = c.Size("global_attn_every_n_layers", kGlobalEvery, {1, 1 << 20});
    std::vector<bool> slides;
    for (int64_t i = 0; every > 0 && i < c.Int("num_hidden_layers", 22); ++i)
      slides.push_back(i % every != 0);
    c.Set("attention.sliding_window_pattern", std::move(slides));
  }
  c.Set("classifier.pooling", c.Str("classifier_pooling", "cls"));
  c.Set("classifier.activation", c.Activation("classifier_activation", "gelu"));
}

constexpr HfRule kHfRules[] = {
    {"embeddings.tok_embeddings.weight", "token_embd.weight"},
    {"embeddings.norm.*", "token_embd_norm.*"},
    {"layers.{}.attn_norm.*", "blk.{}.attn_norm.*"},
    {"layers.{}.attn.Wqkv.*", "blk.{}.attn_qkv.*"},
    {"layers.{}.attn.Wo.*", "blk.{}.attn_output.*"},
    {"layers.{}.mlp_norm.*", "blk.{}.ffn_norm.*"},
    {"layers.{}.mlp.Wi.*", "blk.{}.ffn_up.*"},
    {"layers.{}.mlp.Wo.*", "blk.{}.ffn_down.*"},
    {"final_norm.*", "output_norm.*"},
    {"head.dense.*", "cls.*"},
    {"head.norm.*", "cls.norm.*"},
    {"classifier.*", "cls.output.*"},
    {"decoder.**", "", nullptr, kHfIgnore},
};
constexpr HfMapping kHf[] = {
    {.classes = "ModernBertModel ModernBertForMaskedLM ModernBertForSequenceClassification",
     .norm_eps = 1e-5,
     .defaults = HfDefaults,
     .config = ReadHfConfig,
     .rules = kHfRules,
     .activations = "gelu gelu_new gelu_pytorch_tanh relu silu swish"}};

}  // namespace
extern const ModelDesc k_model_modern_bert;
const ModelDesc k_model_modern_bert = {
    .name = "modern-bert", .summary = "ModernBERT encoders", .build = Build, .hf = kHf, .encoder = true};
}  // namespace tern
