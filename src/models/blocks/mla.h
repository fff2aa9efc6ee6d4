#pragma once
// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): keys and values of all heads come from one
// latent vector per token, which is what the cache holds. In the absorbed form a head's query is taken into
// the space of the latent, and the head's values are made from what attention picks there.

#include "models/builder.h"

namespace tern {

struct MlaSpec {
  int width = 0;  // of the residual stream
  int heads = 0;
  int query_rank = 0, latent = 0;  // width of the query's bottleneck (0: none) and of the latent vector
  int plain_dim = 0;               // channels of a head's query and key without position
  int rope_dims = 0;               // and with: the key's are shared by all heads
  int value_dim = 0;
  float scale = 0;  // of q k^T
  ValueId rope = kNoValue;
};

// Sizes and scale as the metadata has them, in the keys of newer files (attention.key_length_mla) or of older
// ones; `rope` is left to the caller. A scale from YaRN (yarn_log_multiplier) enters squared.
MlaSpec MlaOf(ModelBuilder& b, const Hparams& h);

// x [T, width] -> [T, width], with the layer's weights attn_q, or attn_q_a, attn_q_a_norm and attn_q_b;
// attn_kv_a_mqa, attn_kv_a_norm; attn_k_b [heads, latent, plain_dim] and attn_v_b [heads, value_dim, latent],
// or both in one attn_kv_b as older files have them; attn_output. RoPE turns neighbours.
ValueId LatentAttention(ModelBuilder& b, ValueId x, const MlaSpec& spec);

}  // namespace tern
