// Qwen 3: q/k norms per head; otherwise built like Qwen 2.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = RotaryAttention(b, h);
  attention.qk_norm = QkNorm::kRmsPerHead;

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    attention.window = h.window_of(layer);
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    x = b.Add(GatedMlp(b, b.RmsNorm(x, "ffn_norm", h), "silu", h), x);
  }
  b.Head(x, h);
}

void HfDefaults(HfConfig& c) { c.Default("head_dim", int64_t{128}); }

void ReadHfConfig(HfConfig& c) {
  ReadOptionalWindow(c, [](int64_t layer, int64_t border) { return layer >= border; });
}

constexpr HfMapping kHf[] = {{.classes = "Qwen3ForCausalLM",
                              .norm_eps = 1e-6,
                              .kv_heads = 32,
                              .defaults = HfDefaults,
                              .config = ReadHfConfig}};

}  // namespace
extern const ModelDesc k_model_qwen3;
const ModelDesc k_model_qwen3 = {.name = "qwen3", .summary = "Qwen 3", .build = Build, .hf = kHf};
}  // namespace tern
