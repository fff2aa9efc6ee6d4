#pragma once
// How the inputs and attributes of `attention` are read, for backends.
//
//   attention(q, kv, [sinks], [alibi], [bias]) -> output[T, heads * v_dim]
//   layer  heads  kv_heads  head_dim  scale
//   v_dim          channels of V and of the output per head; default: head_dim
//   window         0 (default): none; else see below
//   causal         1 (default): row i sees positions j <= i, with a window i - j < window. 0: all positions
//   up
//                  to the last row that its sequence has in this step, with a window |i - j| <= window. Rows
//                  see later ones only if these are in the same step: the whole sequence must be
//   source=1       all positions of the sequence's source, wherever the row is; with causal=0, no window
//   softcap        > 0: a score s becomes softcap * tanh(s / softcap)
//   sinks=1        weight [heads]: a logit per head that joins the softmax's denominator and nothing else
//   alibi=1        weight [heads]: a score gets slope * (j - i)
//   bucket_bias=1  weight [buckets, heads]: a score gets bias[bucket(j - i)][head]; buckets, max_distance,
//                  bidirectional (0 or 1)
//   output         f32 (default), q8 or q16 (v_dim % 32 == 0)
//   int16=1        q, K, V and the softmax's weights may be rounded to codes: of 2^31 / head_dim for a
//                  product of q and k, 12 bits and a sign for V, 13 for weights
//   keep, leave    keep above 0: block-sparse. Rows see only some of their past, as ops/block_choice.h says;
//                  keep <= 1, leave (default 0) < 1. Causal, without window, alibi and bucket_bias
//
// A score is scale * q k, then capped, then biased, then masked.

#include <cstddef>

#include "base/result.h"
#include "ops/block_choice.h"
#include "ops/op.h"

namespace tern {

struct AttentionForm {
  int layer = 0, heads = 1, kv_heads = 1, head_dim = 1, v_dim = 1, window = 0;
  bool causal = true;
  bool source = false;
  bool int16 = false;
  double scale = 1, softcap = 0;
  ChoiceRule choice = {.keep = 0};
  bool has_sinks = false, has_alibi = false, has_buckets = false;
  int buckets = 0, max_distance = 0;
  bool bidirectional = false;
  Elem output = Elem::kF32;

  // Where the inputs are, if there are any.
  size_t sinks_input() const { return 2; }
  size_t alibi_input() const { return 2 + (has_sinks ? 1 : 0); }
  size_t buckets_input() const { return alibi_input() + (has_alibi ? 1 : 0); }
  size_t inputs() const { return buckets_input() + (has_buckets ? 1 : 0); }

  // The positions that a row at `position` sees, of the End(sequence) that there are.
  int First(int position) const;
  int Last(int position, int end) const;
  bool block_sparse() const { return choice.keep > 0; }
  int End(const SequenceSpan& s) const { return source ? s.source_tokens : s.first_position + s.rows; }
};

Result<AttentionForm> ParseAttention(const Attrs& attrs);

// T5's relative position bucket of a key `distance` behind (> 0) or before (< 0) the query (Raffel et al.
// 2019, arXiv 1910.10683): one each for near ones, then logarithmically wider up to max_distance, in float as
// Transformers computes it. Bidirectional: the upper half is for keys behind.
int RelativeBucket(const AttentionForm& form, int distance);

}  // namespace tern
