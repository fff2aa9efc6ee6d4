#include <cmath>

#include "models/hf/config.h"

namespace tern {
namespace {

// mscale_all_dim stretches scores, and what mscale has beyond it cosines and sines.
void ReadStretch(HfConfig& c) {
  if (!c.IsSet("rope.scaling.type")) return;
  for (const std::string group : {"rope_parameters.", "rope_scaling."}) {
    const double all = c.Float(group + "mscale_all_dim", 0), factor = c.Float(group + "factor", 1);
    if (all == 0 || factor <= 1) continue;
    const double mscale = c.Float(group + "mscale", 0);
    const auto stretch = [factor](double m) { return 0.1 * m * std::log(factor) + 1; };
    const double left = mscale == 0 ? stretch(1) : stretch(mscale) / stretch(all);
    const bool is_yarn = c.Str(group + "rope_type", c.Str(group + "type", "")) == "yarn";
    c.Set("rope.scaling.yarn_log_multiplier", 0.1 * all);
    c.Set("rope.scaling.attn_factor", is_yarn ? c.Float(group + "attention_factor", left) : 1.0);
  }
}

}  // namespace

// GGUF describes the absorbed form: one key head, as wide as latent and RoPE together.
void ReadLatentAttention(HfConfig& c) {
  constexpr HfConfig::Limits kChannels = {1, 65536 / 2};
  const int64_t latent = c.Size("kv_lora_rank", 0, kChannels),
                rope = c.Size("qk_rope_head_dim", 0, kChannels);
  c.Set("attention.head_count_kv", int64_t{1});
  c.Set("attention.key_length", latent + rope);
  c.Set("attention.value_length", latent);
  c.Set("attention.key_length_mla", c.Size("qk_nope_head_dim", 0, kChannels) + rope);
  c.Set("attention.value_length_mla", c.Size("v_head_dim", 0, kChannels));
  c.Set("attention.kv_lora_rank", latent);
  c.CopyInt({"q_lora_rank"}, "attention.q_lora_rank");
  ReadStretch(c);
}

}  // namespace tern
