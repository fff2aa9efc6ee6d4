#include "models/blocks/attention.h"

namespace tern {
namespace {

// [norm, then] RoPE on one projection.
ValueId Position(ModelBuilder& b, ValueId x, std::string_view norm, const AttentionSpec& s) {
  if (s.qk_norm) x = b.RmsNorm(x, norm, s.head_dim, s.norm_eps);
  return b.Op("rope", {x, s.rope}, {{"head_dim", int64_t{s.head_dim}}, {"style", s.rope_style}});
}

}  // namespace

ValueId SelfAttention(ModelBuilder& b, ValueId x, const AttentionSpec& s) {
  const int64_t q_width = int64_t{s.heads} * s.head_dim;
  const int64_t kv_width = int64_t{s.kv_heads} * s.head_dim;
  ValueId q = b.Linear(x, "attn_q", q_width, s.width);
  ValueId k = b.Linear(x, "attn_k", kv_width, s.width);
  const ValueId v = b.Linear(x, "attn_v", kv_width, s.width);
  q = Position(b, q, "attn_q_norm", s);
  k = Position(b, k, "attn_k_norm", s);
  const int64_t layer = b.AddKvLayer({s.kv_heads, s.head_dim});
  const ValueId kv = b.Op("kv_append", {k, v}, {{"layer", layer}});
  const ValueId out = b.Op("attention", {q, kv},
                           {{"layer", layer},
                            {"heads", int64_t{s.heads}},
                            {"kv_heads", int64_t{s.kv_heads}},
                            {"head_dim", int64_t{s.head_dim}},
                            {"scale", static_cast<double>(s.scale)},
                            {"window", int64_t{s.window}}});
  return b.Linear(out, "attn_output", s.width, q_width);
}

}  // namespace tern
