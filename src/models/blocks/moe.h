#pragma once
// Mixture of experts: a router sends each token to a few gated MLPs (Shazeer et al. 2017, arXiv 1701.06538).
// Families differ by MoeSpec.

#include <string>

#include "models/builder.h"

namespace tern {

struct MoeSpec {
  int width = 0;  // of the residual stream
  int experts = 0;
  int used = 0;                    // experts per token
  int ffn_width = 0;               // of one expert
  std::string act = "silu";        // as the op moe_mlp calls it
  float alpha = 0, limit = 0;      // of swiglu_oai
  std::string score = "softmax";   // as the op moe_route calls it
  bool normalize = false;          // the weights of a token's experts add up to one
  float scale = 1.f;               // of the weights
  int groups = 0, top_groups = 0;  // experts are chosen from the best groups only; 0: from all
  std::string group_score = "max";
};

// Sizes of `h`, and what the metadata says of scoring, groups and weights: expert_gating_func,
// expert_group_count, expert_group_used_count, expert_weights_norm (`normalize` where it is missing),
// expert_weights_scale.
MoeSpec MoeOf(ModelBuilder& b, const Hparams& h, bool normalize);

// x [T, width] -> [T, width], with the layer's weights ffn_gate_inp (the router), exp_probs_b (a bias that
// picks experts but does not weigh them) and ffn_gate_exps, ffn_up_exps, ffn_down_exps [experts, out, in],
// with biases where the checkpoint has them. Gate and up may lie in one ffn_gate_up_exps, and each expert in
// tensors of its own (ffn_gate.0 ...), as older files have it.
ValueId MoeMlp(ModelBuilder& b, ValueId x, const MoeSpec& spec);

// The expert that every token goes through: ffn_gate_shexp, ffn_up_shexp, ffn_down_shexp, times the sigmoid
// of ffn_gate_inp_shexp where the checkpoint has that.
ValueId SharedExpert(ModelBuilder& b, ValueId x, int64_t width, int64_t ffn_width);

}  // namespace tern
