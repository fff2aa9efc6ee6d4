#include "models/hf/mapping.h"

namespace tern {

std::span<const HfRule> CommonHfRules() {
  static constexpr HfRule kRules[] = {
      {"embed_tokens.weight", "token_embd.weight"},
      {"norm.*", "output_norm.*"},
      {"lm_head.*", "output.*"},
      {"layers.{}.input_layernorm.*", "blk.{}.attn_norm.*"},
      {"layers.{}.post_attention_layernorm.*", "blk.{}.ffn_norm.*"},
      {"layers.{}.self_attn.q_proj.*", "blk.{}.attn_q.*"},
      {"layers.{}.self_attn.k_proj.*", "blk.{}.attn_k.*"},
      {"layers.{}.self_attn.v_proj.*", "blk.{}.attn_v.*"},
      {"layers.{}.self_attn.o_proj.*", "blk.{}.attn_output.*"},
      {"layers.{}.self_attn.q_norm.*", "blk.{}.attn_q_norm.*"},
      {"layers.{}.self_attn.k_norm.*", "blk.{}.attn_k_norm.*"},
      {"layers.{}.mlp.gate_proj.*", "blk.{}.ffn_gate.*"},
      {"layers.{}.mlp.up_proj.*", "blk.{}.ffn_up.*"},
      {"layers.{}.mlp.down_proj.*", "blk.{}.ffn_down.*"},
      {"layers.{}.mlp.gate.weight", "blk.{}.ffn_gate_inp.weight"},
      {"layers.{}.mlp.experts.{e}.gate_proj.*", "blk.{}.ffn_gate_exps.*"},
      {"layers.{}.mlp.experts.{e}.up_proj.*", "blk.{}.ffn_up_exps.*"},
      {"layers.{}.mlp.experts.{e}.down_proj.*", "blk.{}.ffn_down_exps.*"},
      {"layers.{}.mlp.experts.gate_up_proj", "blk.{}.ffn_gate_exps.weight", FirstHalfRows},
      {"layers.{}.mlp.experts.gate_up_proj", "blk.{}.ffn_up_exps.weight", SecondHalfRows},
      {"layers.{}.mlp.experts.down_proj", "blk.{}.ffn_down_exps.weight"},
      {"layers.{}.self_attn.rotary_emb.inv_freq", "", nullptr, kHfIgnore},
      {"rotary_emb.inv_freq", "", nullptr, kHfIgnore},
      // Scales of an 8-bit KV cache and of 8-bit activations, which are f32 or chosen here.
      {"layers.{}.self_attn.k_scale", "", nullptr, kHfIgnore},
      {"layers.{}.self_attn.v_scale", "", nullptr, kHfIgnore},
      {"layers.{}.self_attn.q_scale", "", nullptr, kHfIgnore},
      {"layers.{}.self_attn.prob_scale", "", nullptr, kHfIgnore},
      {"layers.{}.self_attn.kv_scale", "", nullptr, kHfIgnore},
      {"layers.{}.self_attn.q_proj.output_scale", "", nullptr, kHfIgnore},
      {"layers.{}.self_attn.k_proj.output_scale", "", nullptr, kHfIgnore},
      {"layers.{}.self_attn.v_proj.output_scale", "", nullptr, kHfIgnore},
      {"layers.{}.self_attn.q_proj.q_scale", "", nullptr, kHfIgnore},
      {"layers.{}.self_attn.k_proj.k_scale", "", nullptr, kHfIgnore},
      {"layers.{}.self_attn.v_proj.v_scale", "", nullptr, kHfIgnore},
  };
  return kRules;
}

}  // namespace tern
