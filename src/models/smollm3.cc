// SmolLM3: Llama's layer; every fourth layer has no RoPE.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

constexpr int kNoRopeEvery = 4;
constexpr int64_t kMostLayers = 4096;

// The layers that turn: listed by Hugging Face's config; GGUF has no key for it, and holds no other models.
std::vector<bool> LayersWithRope(const Hparams& h, ModelBuilder& b) {
  const MetaValue* listed = b.checkpoint().metadata().Find("smollm3.rope.layers");
  const auto* turns = listed == nullptr ? nullptr : std::get_if<std::vector<bool>>(listed);
  if (turns != nullptr && static_cast<int>(turns->size()) >= h.layers) return *turns;
  if (listed != nullptr) b.Fail(BadInput("smollm3.rope.layers: expected a truth value per layer"));
  std::vector<bool> layers;
  for (int layer = 0; layer < h.layers; ++layer) layers.push_back((layer + 1) % kNoRopeEvery != 0);
  return layers;
}

void Build(const Hparams& h, ModelBuilder& b) {
  // GGUF permutes q and k rows, as in llama
  AttentionSpec attention = RotaryAttention(b, h, "pair");
  const ValueId rope = attention.rope;
  const std::vector<bool> with_rope = LayersWithRope(h, b);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    const auto i = static_cast<size_t>(layer);
    attention.rope = with_rope[i] ? rope : kNoValue;
    const bool slides = h.slides.empty() ? !with_rope[i] : h.slides[i];
    attention.window = slides ? h.window : 0;
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    x = b.Add(GatedMlp(b, b.RmsNorm(x, "ffn_norm", h), "silu", h), x);
  }
  b.Head(x, h);
}

void HfDefaults(HfConfig& c) {
  c.Default("rope_theta", 2000000.0);
  c.Default("use_sliding_window", false);
}

void ReadHfConfig(HfConfig& c) {
  const MetaValue* value = c.Find("no_rope_layers");
  std::vector<bool> layers;
  if (const auto* turns = value == nullptr ? nullptr : std::get_if<std::vector<int64_t>>(value)) {
    for (const int64_t turn : *turns) layers.push_back(turn != 0);
    return c.Set("rope.layers", std::move(layers));
  }
  const int64_t every = c.Int("no_rope_layer_interval", kNoRopeEvery), count = c.Int("num_hidden_layers", 0);
  if (every < 1 || count > kMostLayers) {
    return c.Refuse(BadInput("config.json: no_rope_layer_interval, num_hidden_layers: out of range"));
  }
  for (int64_t layer = 0; layer < count; ++layer) layers.push_back((layer + 1) % every != 0);
  c.Set("rope.layers", std::move(layers));
}

constexpr HfRule kHfRules[] = {
    {"layers.{}.self_attn.q_proj.*", "blk.{}.attn_q.*", PairRowsQ},
    {"layers.{}.self_attn.k_proj.*", "blk.{}.attn_k.*", PairRowsK},
};
constexpr HfMapping kHf[] = {{.classes = "SmolLM3ForCausalLM",
                              .norm_eps = 1e-6,
                              .kv_heads = 4,
                              .defaults = HfDefaults,
                              .config = ReadHfConfig,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_smollm3;
const ModelDesc k_model_smollm3 = {.name = "smollm3", .summary = "SmolLM3", .build = Build, .hf = kHf};
}  // namespace tern
