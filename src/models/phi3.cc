// Phi-3 and Phi-4: Llama's layer with q, k, v in one tensor and gate, up in another; LongRoPE.

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
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    x = b.Add(GatedMlp(b, b.RmsNorm(x, "ffn_norm", h), "silu", h), x);
  }
  b.Head(x, h);
}

void HfDefaults(HfConfig& c) { c.Default("original_max_position_embeddings", int64_t{4096}); }

constexpr HfRule kHfRules[] = {
    {"layers.{}.self_attn.qkv_proj.*", "blk.{}.attn_qkv.*"},
    {"layers.{}.mlp.gate_up_proj.*", "blk.{}.ffn_up.*"},
};
constexpr HfMapping kHf[] = {
    {.classes = "Phi3ForCausalLM", .norm_eps = 1e-5, .defaults = HfDefaults, .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_phi3;
const ModelDesc k_model_phi3 = {
    .name = "phi3", .summary = "Phi-3, Phi-3.5, Phi-4", .build = Build, .hf = kHf};
}  // namespace tern
