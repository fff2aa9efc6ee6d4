#pragma once
// Self-attention over the paged KV cache, with grouped KV heads (GQA, Ainslie et al. 2023, arXiv 2305.13245).

#include <string>
#include <vector>

#include "models/builder.h"

namespace tern {

enum class QkNorm {
  kNone,
  kRmsPerHead,    // one weight [head_dim] for all heads (Qwen 3, Gemma 3)
  kRmsWhole,      // over the whole projection (OLMo 2)
  kLayerPerHead,  // LayerNorm per head with weights of its own, [heads, head_dim] (Cohere, StableLM)
  kLayerShared,   // LayerNorm per head, one weight and bias [head_dim] for all (Phi)
  kLayerWhole,    // LayerNorm over the whole projection (MPT)
};

// A score gets a number of its head and of the distance's bucket (RelativeBucket in ops/attention.h).
struct RelativeBias {
  ValueId table = kNoValue;  // [buckets, heads]; none: no such numbers
  int buckets = 0, max_distance = 0;
};

struct AttentionSpec {
  int width = 0;  // of the residual stream
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  float scale = 0;                  // of q k^T, usually head_dim^-0.5
  int window = 0;                   // key j is visible to query i if i - j < window; 0: all earlier keys
  bool causal = true;               // false: both ways; then a window shows |i - j| <= window
  float clamp = 0;                  // q, k and v lie in -clamp .. clamp; 0: anywhere
  bool clamps_normed = false;       // q and k behind their norms, else before
  float softcap = 0;                // of scores: cap tanh(score / cap); 0: none
  ValueId rope = kNoValue;          // RopeTable(); none: positions come from elsewhere
  std::string rope_style = "half";  // "half": channel i turns with i + d/2; "pair": 2i with 2i + 1
  QkNorm qk_norm = QkNorm::kNone;   // attn_q_norm, attn_k_norm, before RoPE
  float layer_norm_eps = 1e-5f, rms_norm_eps = 1e-5f;
  ValueId alibi = kNoValue;  // a constant [heads]: a score falls by it per token of distance (AlibiSlopes)
  RelativeBias bias = {};    // distinguishes before and behind where attention is not causal
  std::string output = "attn_output";  // the last linear's part
};

// What most models share: sizes, scale and window of `h`.
AttentionSpec AttentionOf(const Hparams& h);

// The same with RoPE as the file's keys have it; `style` as in AttentionSpec.
AttentionSpec RotaryAttention(ModelBuilder& b, const Hparams& h, std::string_view style = "half");

// Whether a layer has the sliding window: as the file lists them, else all but every `global_every`-th.
bool Slides(const Hparams& h, int layer, int global_every);

// x [T, width] -> [T, width], with weights attn_q, attn_k, attn_v (or attn_qkv, all in one), attn_output of
// the current layer, with their biases and attn_sinks where the checkpoint has them.
ValueId SelfAttention(ModelBuilder& b, ValueId x, const AttentionSpec& spec);

// Attention of a decoder to its source (Vaswani et al. 2017, arXiv 1706.03762). The source's rows x [T,
// width] leave keys and values, of cross_attn_k and cross_attn_v of the current layer, in a new KV layer.
void SourceKeys(ModelBuilder& b, ValueId x, const AttentionSpec& spec);
// What the decoder's rows read of them, from KV layer `kv_layer`: with cross_attn_q and spec.output. Knows no
// positions.
ValueId CrossAttention(ModelBuilder& b, ValueId x, int kv_layer, const AttentionSpec& spec);

// The slopes of ALiBi (Press et al. 2021, arXiv 2108.12409): geometric, from 2^(-max_bias / heads) on for
// powers of two; times `scale`.
ValueId AlibiSlopes(ModelBuilder& b, int heads, float max_bias, float scale = 1.f);

}  // namespace tern
