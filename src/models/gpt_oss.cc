// GPT-OSS: attention sinks, every other layer with a window, experts with biases and a clamped gate. Its YaRN
// does not round the borders of the ramp.

#include "models/blocks/attention.h"
#include "models/blocks/moe.h"
#include "models/blocks/rope.h"
#include "models/hf/config.h"

namespace tern {
namespace {

constexpr int kGlobalEvery = 2;

void Build(const Hparams& h, ModelBuilder& b) {
  RopeSpec rope = RopeOf(h);
  rope.scaling.truncate = b.MetaBool("rope.scaling.yarn_truncate", false);
  AttentionSpec global = AttentionOf(h);
  global.rope = RopeTable(b, h, rope);
  AttentionSpec local = global;
  global.window = 0;
  MoeSpec moe = MoeOf(b, h, /*normalize=*/false);
  moe.score = "softmax_after_top_k";
  moe.act = "swiglu_oai";
  moe.alpha = b.MetaFloat("expert_swiglu_alpha", 1.702f);
  moe.limit = b.MetaFloat("expert_swiglu_limit", 7.f);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    const AttentionSpec& attention = Slides(h, layer, kGlobalEvery) ? local : global;
    x = b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    x = b.Add(MoeMlp(b, b.RmsNorm(x, "post_attention_norm", h), moe), x);
  }
  b.Head(x, h);
}

bool SaysRope(const HfConfig& c) {
  for (const char* key : {"rope_parameters.rope_type", "rope_parameters.rope_theta", "rope_scaling.rope_type",
                          "rope_scaling.type"}) {
    if (c.Has(key)) return true;
  }
  return false;
}

// Without a word on RoPE the class takes the YaRN of the published models.
void HfDefaults(HfConfig& c) {
  c.Default("rope_theta", 150000.0);
  c.Default("head_dim", int64_t{64});
  c.Default("sliding_window", int64_t{128});
  if (SaysRope(c)) return;
  c.Default("rope_scaling.type", std::string("yarn"));
  c.Default("rope_scaling.factor", 32.0);
  c.Default("rope_scaling.original_max_position_embeddings", int64_t{4096});
  c.Default("rope_scaling.truncate", false);
}

void ReadHfConfig(HfConfig& c) {
  c.Require("attention.sliding_window", "sliding_window");
  c.CopyInt({"intermediate_size"}, "expert_feed_forward_length");
  c.CopyFloat({"swiglu_alpha"}, "expert_swiglu_alpha");
  c.CopyFloat({"swiglu_limit"}, "expert_swiglu_limit");
  c.Set("rope.scaling.yarn_truncate",
        c.Bool("rope_parameters.truncate", c.Bool("rope_scaling.truncate", true)));
  c.Unset("hidden_activation");  // it has a gate of its own
}

constexpr HfRule kHfRules[] = {
    {"layers.{}.post_attention_layernorm.weight", "blk.{}.post_attention_norm.weight"},
    {"layers.{}.self_attn.sinks", "blk.{}.attn_sinks.weight"},
    {"layers.{}.mlp.router.*", "blk.{}.ffn_gate_inp.*"},
    // Gate and up channels in turn; matrices are [in, out].
    {"layers.{}.mlp.experts.gate_up_proj", "blk.{}.ffn_gate_exps.weight", EvenRows, kHfTranspose},
    {"layers.{}.mlp.experts.gate_up_proj", "blk.{}.ffn_up_exps.weight", OddRows, kHfTranspose},
    {"layers.{}.mlp.experts.gate_up_proj_bias", "blk.{}.ffn_gate_exps.bias", EvenRows, kHfColumns},
    {"layers.{}.mlp.experts.gate_up_proj_bias", "blk.{}.ffn_up_exps.bias", OddRows, kHfColumns},
    {"layers.{}.mlp.experts.down_proj", "blk.{}.ffn_down_exps.weight", nullptr, kHfTranspose},
    {"layers.{}.mlp.experts.down_proj_bias", "blk.{}.ffn_down_exps.bias"},
    // In MXFP4 they are [out, in].
    {"layers.{}.mlp.experts.gate_up_proj_blocks", "blk.{}.ffn_gate_exps.weight", EvenRows},
    {"layers.{}.mlp.experts.gate_up_proj_blocks", "blk.{}.ffn_up_exps.weight", OddRows},
    {"layers.{}.mlp.experts.down_proj_blocks", "blk.{}.ffn_down_exps.weight"},
};
constexpr HfMapping kHf[] = {{.classes = "GptOssForCausalLM",
                              .norm_eps = 1e-5,
                              .kv_heads = 8,
                              .defaults = HfDefaults,
                              .config = ReadHfConfig,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_gpt_oss;
const ModelDesc k_model_gpt_oss = {
    .name = "gpt-oss", .summary = "GPT-OSS 20B and 120B", .build = Build, .hf = kHf};
}  // namespace tern
