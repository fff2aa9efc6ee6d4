// Command R and Aya: attention and MLP side by side off one LayerNorm without bias, a factor on the logits.

#include "models/blocks/attention.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = RotaryAttention(b, h, "pair");

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    attention.qk_norm = b.HasPart("attn_q_norm") ? QkNorm::kLayerPerHead : QkNorm::kNone;
    const ValueId y = b.LayerNorm(x, "attn_norm", h);
    x = b.Add(SelfAttention(b, y, attention), x);
    x = b.Add(GatedMlp(b, y, "silu", h), x);
  }
  b.Head(x, h, {.layer_norm = true, .scale = b.MetaFloat("logit_scale", 1)});
}

void HfDefaults(HfConfig& c) { c.Default("rope_theta", 500000.0); }

void ReadHfConfig(HfConfig& c) { c.Set("logit_scale", c.Float("logit_scale", 0.0625)); }

constexpr HfMapping kHf[] = {
    {.classes = "CohereForCausalLM", .norm_eps = 1e-5, .defaults = HfDefaults, .config = ReadHfConfig}};

}  // namespace
extern const ModelDesc k_model_command_r;
const ModelDesc k_model_command_r = {
    .name = "command-r", .summary = "Command R, Command R+, Aya", .build = Build, .hf = kHf};
}  // namespace tern
