#include "models/blocks/attention.h"

#include <bit>
#include <cmath>

#include "models/blocks/rope.h"

namespace tern {
namespace {

ValueId Norm(ModelBuilder& b, ValueId x, std::string_view norm, int heads, const AttentionSpec& s) {
  const int64_t width = int64_t{heads} * s.head_dim;
  if (s.qk_norm == QkNorm::kRmsPerHead) return b.RmsNorm(x, norm, s.head_dim, s.rms_norm_eps);
  if (s.qk_norm == QkNorm::kRmsWhole) return b.RmsNorm(x, norm, width, s.rms_norm_eps);
  if (s.qk_norm == QkNorm::kLayerShared) return b.LayerNorm(x, norm, s.head_dim, s.layer_norm_eps);
  if (s.qk_norm == QkNorm::kLayerWhole) return b.LayerNorm(x, norm, width, s.layer_norm_eps);
  const ValueId weight = b.WeightRows(b.Name(norm), {0, heads, heads, s.head_dim}, norm);
  return b.Op("layer_norm", {x, weight},
              {{"eps", static_cast<double>(s.layer_norm_eps)}, {"group", int64_t{s.head_dim}}});
}

ValueId Clamp(ModelBuilder& b, ValueId x, const AttentionSpec& s) {
  return s.clamp > 0 ? b.Op("clamp", {x}, {{"limit", static_cast<double>(s.clamp)}}) : x;
}

// [norm, then] RoPE on one projection.
ValueId Position(ModelBuilder& b, ValueId x, std::string_view norm, int heads, const AttentionSpec& s) {
  if (!s.clamps_normed) x = Clamp(b, x, s);
  if (s.qk_norm != QkNorm::kNone) x = Norm(b, x, norm, heads, s);
  if (s.clamps_normed) x = Clamp(b, x, s);
  if (s.rope == kNoValue) return x;
  return b.Op("rope", {x, s.rope}, {{"head_dim", int64_t{s.head_dim}}, {"style", s.rope_style}});
}

struct Projections {
  ValueId q, k, v;
};

Projections Project(ModelBuilder& b, ValueId x, const AttentionSpec& s) {
  const int64_t q_width = int64_t{s.heads} * s.head_dim;
  const int64_t kv_width = int64_t{s.kv_heads} * s.head_dim;
  if (!b.HasPart("attn_qkv")) {
    return {b.Linear(x, "attn_q", q_width, s.width), b.Linear(x, "attn_k", kv_width, s.width),
            b.Linear(x, "attn_v", kv_width, s.width)};
  }
  const int64_t total = q_width + 2 * kv_width;
  return {b.LinearRows(x, "attn_qkv", {0, q_width, total, s.width}, "attn_q"),
          b.LinearRows(x, "attn_qkv", {q_width, kv_width, total, s.width}, "attn_k"),
          b.LinearRows(x, "attn_qkv", {q_width + kv_width, kv_width, total, s.width}, "attn_v")};
}

Attrs CommonAttrs(const AttentionSpec& s, int64_t layer) {
  return {{"layer", layer},
          {"heads", int64_t{s.heads}},
          {"kv_heads", int64_t{s.kv_heads}},
          {"head_dim", int64_t{s.head_dim}},
          {"scale", static_cast<double>(s.scale)}};
}

ValueId Attend(ModelBuilder& b, const Projections& p, const AttentionSpec& s) {
  const int64_t layer = b.AddKvLayer({s.kv_heads, s.head_dim});
  std::vector<ValueId> inputs = {p.q, b.Op("kv_append", {p.k, p.v}, {{"layer", layer}})};
  Attrs attrs = CommonAttrs(s, layer);
  attrs.Set("window", int64_t{s.window});
  if (!s.causal) attrs.Set("causal", int64_t{0});
  if (s.softcap != 0.f) attrs.Set("softcap", static_cast<double>(s.softcap));
  if (b.HasPart("attn_sinks")) {
    inputs.push_back(b.Weight(b.Name("attn_sinks"), {s.heads}));
    attrs.Set("sinks", int64_t{1});
  }
  if (s.alibi != kNoValue) {
    inputs.push_back(s.alibi);
    attrs.Set("alibi", int64_t{1});
  }
  if (s.bias.table != kNoValue) {
    inputs.push_back(s.bias.table);
    attrs.Set("bucket_bias", int64_t{1});
    attrs.Set("buckets", int64_t{s.bias.buckets});
    attrs.Set("max_distance", int64_t{s.bias.max_distance});
    attrs.Set("bidirectional", int64_t{!s.causal});
  }
  return b.Op("attention", std::move(inputs), std::move(attrs));
}

}  // namespace

AttentionSpec AttentionOf(const Hparams& h) {
  AttentionSpec spec{.width = h.width, .heads = h.heads, .kv_heads = h.kv_heads, .head_dim = h.head_dim};
  spec.scale = h.attention_scale;
  spec.window = h.window;
  spec.layer_norm_eps = h.layer_norm_eps;
  spec.rms_norm_eps = h.rms_norm_eps;
  return spec;
}

ValueId SelfAttention(ModelBuilder& b, ValueId x, const AttentionSpec& s) {
  Projections p = Project(b, x, s);
  p.v = Clamp(b, p.v, s);
  p.q = Position(b, p.q, "attn_q_norm", s.heads, s);
  p.k = Position(b, p.k, "attn_k_norm", s.kv_heads, s);
  return b.Linear(Attend(b, p, s), s.output, s.width, int64_t{s.heads} * s.head_dim);
}

void SourceKeys(ModelBuilder& b, ValueId x, const AttentionSpec& s) {
  const int64_t width = int64_t{s.kv_heads} * s.head_dim;
  const ValueId k = b.Linear(x, "cross_attn_k", width, s.width);
  const ValueId v = b.Linear(x, "cross_attn_v", width, s.width);
  b.Op("kv_append", {k, v}, {{"layer", int64_t{b.AddKvLayer({s.kv_heads, s.head_dim})}}});
}

ValueId CrossAttention(ModelBuilder& b, ValueId x, int kv_layer, const AttentionSpec& s) {
  const int64_t width = int64_t{s.heads} * s.head_dim;
  Attrs attrs = CommonAttrs(s, kv_layer);
  attrs.Set("source", int64_t{1});
  attrs.Set("causal", int64_t{0});
  const ValueId q = b.Linear(x, "cross_attn_q", width, s.width);
  return b.Linear(b.Op("attention", {q, b.source()}, std::move(attrs)), s.output, s.width, width);
}

AttentionSpec RotaryAttention(ModelBuilder& b, const Hparams& h, std::string_view style) {
  AttentionSpec spec = AttentionOf(h);
  spec.rope_style = style;
  spec.rope = RopeTable(b, h, RopeOf(h));
  return spec;
}

bool Slides(const Hparams& h, int layer, int global_every) {
  return h.slides.empty() ? (layer + 1) % global_every != 0 : h.slides[static_cast<size_t>(layer)];
}

ValueId AlibiSlopes(ModelBuilder& b, int heads, float max_bias, float scale) {
  const int power = static_cast<int>(std::bit_floor(static_cast<unsigned>(heads)));
  std::vector<float> slopes;
  for (int i = 0; i < heads; ++i) {
    // Heads beyond the power of two take every other slope of the next one.
    const bool extra = i >= power;
    const double step = static_cast<double>(max_bias) / (extra ? 2 * power : power);
    const int at = extra ? 2 * (i - power) + 1 : i + 1;
    slopes.push_back(static_cast<float>(std::exp2(-step * at)) * scale);
  }
  return b.Constant("alibi_slopes", slopes);
}

}  // namespace tern
