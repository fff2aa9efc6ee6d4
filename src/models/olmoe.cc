// OLMoE: q/k norms over the whole projection, experts in every layer.

#include "models/blocks/attention.h"
#include "models/blocks/moe.h"
#include "models/blocks/rope.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  const ValueId embedding = b.Weight("token_embd.weight", {h.vocabulary, h.width});
  AttentionSpec attention = AttentionOf(h);
  attention.qk_norm = QkNorm::kRmsWhole;
  attention.rope = RopeTable(b, h, RopeOf(h));
  const MoeSpec moe = MoeOf(b, h, /*normalize=*/false);

  ValueId x = b.Embed(embedding);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    x = b.Add(MoeMlp(b, b.RmsNorm(x, "ffn_norm", h), moe), x);
  }
  b.Head(x, embedding, h);
}

void ReadHfConfig(HfConfig& c) {
  c.Set("expert_weights_norm", c.Bool("norm_topk_prob", false));
  if (c.Has("clip_qkv")) c.Refuse(Unsupported("config.json: clip_qkv: supported: null"));
}

constexpr HfMapping kHf[] = {{.classes = "OlmoeForCausalLM", .config = ReadHfConfig}};

}  // namespace
extern const ModelDesc k_model_olmoe;
const ModelDesc k_model_olmoe = {.name = "olmoe", .summary = "OLMoE", .build = Build, .hf = kHf};
}  // namespace tern
