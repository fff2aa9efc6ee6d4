// Qwen 3 MoE: attention as in Qwen 3, experts without a shared one; the tensors say which layers are dense.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/moe.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = RotaryAttention(b, h);
  attention.qk_norm = QkNorm::kRmsPerHead;
  const MoeSpec moe = MoeOf(b, h, /*normalize=*/true);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    attention.window = h.window_of(layer);
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    const ValueId normed = b.RmsNorm(x, "ffn_norm", h);
    const bool sparse = b.HasPart("ffn_gate_inp");
    x = b.Add(sparse ? MoeMlp(b, normed, moe) : GatedMlp(b, normed, "silu", h), x);
  }
  b.Head(x, h);
}

void ReadHfConfig(HfConfig& c) {
  ReadOptionalWindow(c, nullptr);
  c.Set("expert_weights_norm", c.Bool("norm_topk_prob", false));
}

constexpr HfMapping kHf[] = {
    {.classes = "Qwen3MoeForCausalLM", .norm_eps = 1e-6, .kv_heads = 4, .config = ReadHfConfig}};

}  // namespace
extern const ModelDesc k_model_qwen3moe;
const ModelDesc k_model_qwen3moe = {.name = "qwen3moe", .summary = "Qwen 3 MoE", .build = Build, .hf = kHf};
}  // namespace tern
