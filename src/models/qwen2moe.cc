// Qwen 1.5 and 2 MoE: attention as in Qwen 2, a shared expert behind a gate of its own; the tensors say which
// layers are dense.

#include <algorithm>

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/blocks/moe.h"
#include "models/hf/config.h"

namespace tern {
namespace {

constexpr int kMaxWidth = 1 << 24;

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = RotaryAttention(b, h);
  MoeSpec moe = MoeOf(b, h, /*normalize=*/false);
  // Early files do not say how wide an expert is.
  moe.ffn_width =
      b.MetaInt("expert_feed_forward_length", 1, kMaxWidth, h.ffn_width / std::max(h.experts_used, 1));
  const int shared = b.MetaInt("expert_shared_feed_forward_length", 1, kMaxWidth, h.ffn_width);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    attention.window = h.window_of(layer);
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    const ValueId normed = b.RmsNorm(x, "ffn_norm", h);
    if (b.HasPart("ffn_gate_inp")) {
      x = b.Add(b.Add(MoeMlp(b, normed, moe), SharedExpert(b, normed, h.width, shared)), x);
    } else {
      x = b.Add(GatedMlp(b, normed, "silu", h), x);
    }
  }
  b.Head(x, h);
}

void ReadHfConfig(HfConfig& c) {
  ReadOptionalWindow(c, [](int64_t layer, int64_t border) { return layer % 2 == 0 && layer < border; });
  c.Set("expert_weights_norm", c.Bool("norm_topk_prob", false));
}

constexpr HfRule kHfRules[] = {
    {"layers.{}.mlp.shared_expert.gate_proj.*", "blk.{}.ffn_gate_shexp.*"},
    {"layers.{}.mlp.shared_expert.up_proj.*", "blk.{}.ffn_up_shexp.*"},
    {"layers.{}.mlp.shared_expert.down_proj.*", "blk.{}.ffn_down_shexp.*"},
    {"layers.{}.mlp.shared_expert_gate.weight", "blk.{}.ffn_gate_inp_shexp.weight"},
};
constexpr HfMapping kHf[] = {{.classes = "Qwen2MoeForCausalLM",
                              .norm_eps = 1e-6,
                              .kv_heads = 16,
                              .config = ReadHfConfig,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_qwen2moe;
const ModelDesc k_model_qwen2moe = {
    .name = "qwen2moe", .summary = "Qwen 1.5 and 2 MoE", .build = Build, .hf = kHf};
}  // namespace tern
