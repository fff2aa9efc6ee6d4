// Qwen 2 and 2.5: biases on q, k and v; layers from max_window_layers on may have a sliding window.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = RotaryAttention(b, h);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    attention.window = h.window_of(layer);
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    x = b.Add(GatedMlp(b, b.RmsNorm(x, "ffn_norm", h), "silu", h), x);
  }
  b.Head(x, h);
}

void ReadHfConfig(HfConfig& c) {
  ReadOptionalWindow(c, [](int64_t layer, int64_t border) { return layer >= border; });
}

constexpr HfMapping kHf[] = {
    {.classes = "Qwen2ForCausalLM", .norm_eps = 1e-6, .kv_heads = 32, .config = ReadHfConfig}};

}  // namespace
extern const ModelDesc k_model_qwen2;
const ModelDesc k_model_qwen2 = {.name = "qwen2", .summary = "Qwen 2 and 2.5", .build = Build, .hf = kHf};
}  // namespace tern
