#pragma once
// Self-attention over the paged KV cache, with grouped KV heads (GQA, Ainslie et al. 2023, arXiv 2305.13245).

#include <string>

#include "models/builder.h"

namespace tern {

struct AttentionSpec {
  int width = 0;  // of the residual stream
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  float scale = 0;                  // of q k^T, usually head_dim^-0.5
  int window = 0;                   // key j is visible to query i if i - j < window; 0: all earlier keys
  ValueId rope = kNoValue;          // RopeTable()
  std::string rope_style = "half";  // "half": channel i turns with i + d/2; "pair": 2i with 2i + 1
  bool qk_norm = false;             // RMS norm per head on q and k (attn_q_norm, attn_k_norm) before RoPE
  float norm_eps = 1e-5f;
};

// x [T, width] -> [T, width], with weights attn_q, attn_k, attn_v, attn_output of the current layer.
ValueId SelfAttention(ModelBuilder& b, ValueId x, const AttentionSpec& spec);

}  // namespace tern
