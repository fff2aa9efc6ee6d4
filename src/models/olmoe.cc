// OLMoE: q/k norms over the whole projection, experts in every layer.

#include "models/blocks/attention.h"
#include "models/blocks/moe.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = RotaryAttention(b, h);
  attention.qk_norm = QkNorm::kRmsWhole;
  attention.clamp = b.MetaFloat("attention.clamp_kqv", 0);
  attention.clamps_normed = true;
  const MoeSpec moe = MoeOf(b, h, /*normalize=*/false);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    x = b.Add(MoeMlp(b, b.RmsNorm(x, "ffn_norm", h), moe), x);
  }
  b.Head(x, h);
}

void ReadHfConfig(HfConfig& c) {
  c.Set("expert_weights_norm", c.Bool("norm_topk_prob", false));
  c.CopyFloat({"clip_qkv"}, "attention.clamp_kqv");
}

constexpr HfMapping kHf[] = {{.classes = "OlmoeForCausalLM", .norm_eps = 1e-5, .config = ReadHfConfig}};

}  // namespace
extern const ModelDesc k_model_olmoe;
const ModelDesc k_model_olmoe = {.name = "olmoe", .summary = "OLMoE", .build = Build, .hf = kHf};
}  // namespace tern
