// DeepSeek V2 and V3: latent attention, dense layers first, then experts from the best groups and shared
// ones.

#include "models/blocks/mla.h"
#include "models/blocks/mlp.h"
#include "models/blocks/moe.h"
#include "models/blocks/rope.h"
#include "models/hf/config.h"

namespace tern {
namespace {

constexpr int64_t kSoftmax = 1, kSigmoid = 2;  // expert_gating_func

// How the published models group their experts: what files from before expert_group_count leave out.
void GroupAsPublished(const Hparams& h, MoeSpec& moe) {
  const bool is_v2 = h.layers == 60 && h.experts == 160, is_v3 = h.layers == 61 && h.experts == 256;
  if (moe.groups > 0 || (!is_v2 && !is_v3)) return;
  moe.groups = 8;
  moe.top_groups = is_v2 ? 3 : 4;
}

// V3 scores by sigmoids, and picks with a bias that V2 does not have. Its early files do not say so.
MoeSpec Experts(ModelBuilder& b, const Hparams& h) {
  MoeSpec moe = MoeOf(b, h, /*normalize=*/false);
  GroupAsPublished(h, moe);
  b.EnterLayer(h.layers - 1);
  if (b.HasPart("exp_probs_b", "bias")) moe.score = "sigmoid";
  b.EnterLayer(-1);
  if (moe.score == "sigmoid") moe.group_score = "top2";
  return moe;
}

void Build(const Hparams& h, ModelBuilder& b) {
  RopeSpec rope = RopeOf(h);
  // The stretch enters scores instead; this is what is left for cosines and sines.
  if (rope.scaling.log_multiplier != 0.f) {
    rope.scaling.attention_factor = b.MetaFloat("rope.scaling.attn_factor", 1.f);
  }
  MlaSpec attention = MlaOf(b, h);
  attention.rope = RopeTable(b, h, rope);
  const MoeSpec moe = Experts(b, h);
  const int64_t shared = b.MetaInt("expert_shared_count", 0, 1 << 16, 0);

  ValueId x = b.EmbedTokens(h);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    x = b.Add(LatentAttention(b, b.RmsNorm(x, "attn_norm", h), attention), x);
    const ValueId normed = b.RmsNorm(x, "ffn_norm", h);
    if (!b.HasPart("ffn_gate_inp")) {
      x = b.Add(GatedMlp(b, normed, "silu", h), x);
      continue;
    }
    ValueId y = MoeMlp(b, normed, moe);
    if (shared > 0) y = b.Add(y, SharedExpert(b, normed, h.width, shared * h.expert_ffn_width));
    x = b.Add(y, x);
  }
  b.Head(x, h);
}

void HfDefaults(HfConfig& c) {
  c.Default("kv_lora_rank", int64_t{512});
  c.Default("qk_nope_head_dim", int64_t{128});
  c.Default("qk_rope_head_dim", int64_t{64});
  c.Default("v_head_dim", int64_t{128});
  c.Default("q_lora_rank", int64_t{1536});
  c.Replace("head_dim", c.Int("qk_rope_head_dim", 64));  // what RoPE turns
}

void ReadExperts(HfConfig& c) {
  c.CopyInt({"first_k_dense_replace"}, "leading_dense_block_count");
  c.CopyInt({"n_shared_experts"}, "expert_shared_count");
  c.CopyFloat({"routed_scaling_factor"}, "expert_weights_scale");
}

void ReadGroups(HfConfig& c) {
  c.CopyInt({"n_group"}, "expert_group_count");
  c.CopyInt({"topk_group"}, "expert_group_used_count");
}

void ReadHfV2(HfConfig& c) {
  ReadLatentAttention(c);
  ReadExperts(c);
  c.OneOf("scoring_func", "softmax");
  c.Set("expert_gating_func", kSoftmax);
  if (c.OneOf("topk_method", "greedy group_limited_greedy") != "greedy") ReadGroups(c);
}

void HfV3Defaults(HfConfig& c) {
  HfDefaults(c);
  c.Default("n_group", int64_t{8});
  c.Default("topk_group", int64_t{4});
}

void ReadHfV3(HfConfig& c) {
  ReadLatentAttention(c);
  ReadExperts(c);
  c.OneOf("scoring_func", "sigmoid");
  c.OneOf("topk_method", "noaux_tc");
  c.RefuseUnless("rope_interleave", true);
  c.Set("expert_gating_func", kSigmoid);
  c.Set("expert_weights_norm", c.Bool("norm_topk_prob", true));
  c.Set("expert_weights_scale", c.Float("routed_scaling_factor", 2.5));
  ReadGroups(c);
}

constexpr HfRule kHfRules[] = {
    {"layers.{}.self_attn.q_a_proj.*", "blk.{}.attn_q_a.*"},
    {"layers.{}.self_attn.q_a_layernorm.weight", "blk.{}.attn_q_a_norm.weight"},
    {"layers.{}.self_attn.q_b_proj.*", "blk.{}.attn_q_b.*"},
    {"layers.{}.self_attn.kv_a_proj_with_mqa.*", "blk.{}.attn_kv_a_mqa.*"},
    {"layers.{}.self_attn.kv_a_layernorm.weight", "blk.{}.attn_kv_a_norm.weight"},
    {"layers.{}.self_attn.kv_b_proj.weight", "blk.{}.attn_k_b.weight", KeyRows,
     kHfHeads | kHfTranspose | kHfColumns},
    {"layers.{}.self_attn.kv_b_proj.weight", "blk.{}.attn_v_b.weight", ValueRows, kHfHeads},
    {"layers.{}.mlp.gate.e_score_correction_bias", "blk.{}.exp_probs_b.bias"},
    {"layers.{}.mlp.shared_experts.gate_proj.*", "blk.{}.ffn_gate_shexp.*"},
    {"layers.{}.mlp.shared_experts.up_proj.*", "blk.{}.ffn_up_shexp.*"},
    {"layers.{}.mlp.shared_experts.down_proj.*", "blk.{}.ffn_down_shexp.*"},
};
constexpr HfMapping kHf[] = {{.classes = "DeepseekV2ForCausalLM",
                              .norm_eps = 1e-6,
                              .defaults = HfDefaults,
                              .config = ReadHfV2,
                              .rules = kHfRules},
                             {.classes = "DeepseekV3ForCausalLM",
                              .norm_eps = 1e-6,
                              .defaults = HfV3Defaults,
                              .config = ReadHfV3,
                              .rules = kHfRules}};

}  // namespace
extern const ModelDesc k_model_deepseek2;
const ModelDesc k_model_deepseek2 = {
    .name = "deepseek2", .summary = "DeepSeek V2 and V3, and their kin", .build = Build, .hf = kHf};
}  // namespace tern
