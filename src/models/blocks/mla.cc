#include "models/blocks/mla.h"

#include <cmath>

namespace tern {
namespace {

constexpr int kMost = 1 << 16;
constexpr float kNormEps = 1e-6f;  // of the norms inside, whatever the model's other norms have

ValueId Rope(ModelBuilder& b, ValueId x, const MlaSpec& s) {
  return b.Op("rope", {x, s.rope}, {{"head_dim", int64_t{s.rope_dims}}, {"style", "pair"}});
}

ValueId Slice(ModelBuilder& b, ValueId x, int groups, int start, int width) {
  return b.Op("slice", {x},
              {{"groups", int64_t{groups}}, {"start", int64_t{start}}, {"width", int64_t{width}}});
}

ValueId Query(ModelBuilder& b, ValueId x, const MlaSpec& s) {
  const int64_t out = int64_t{s.heads} * (s.plain_dim + s.rope_dims);
  if (!b.HasPart("attn_q_a")) return b.Linear(x, "attn_q", out, s.width);
  const ValueId low = b.Linear(x, "attn_q_a", s.query_rank, s.width);
  return b.Linear(b.RmsNorm(low, "attn_q_a_norm", s.query_rank, kNormEps), "attn_q_b", out, s.query_rank);
}

struct UpProjections {
  ValueId k = kNoValue, v = kNoValue;
};

// Every head's key rows, transposed, and its value rows: out of one matrix [heads (plain_dim + value_dim),
// latent].
UpProjections SplitKvB(ModelBuilder& b, const MlaSpec& s) {
  const int64_t per_head = s.plain_dim + s.value_dim;
  const std::vector<float> all = b.Numbers(b.Name("attn_kv_b"), {s.heads * per_head, s.latent});
  if (all.empty()) return {};
  const auto plain = static_cast<size_t>(s.plain_dim), latent = static_cast<size_t>(s.latent);
  std::vector<float> k(static_cast<size_t>(s.heads) * plain * latent);
  std::vector<ModelBuilder::RowRun> v;
  for (size_t h = 0; h < static_cast<size_t>(s.heads); ++h) {
    const float* from = all.data() + h * static_cast<size_t>(per_head) * latent;
    float* to = k.data() + h * plain * latent;
    for (size_t c = 0; c < plain; ++c) {
      for (size_t l = 0; l < latent; ++l) to[l * plain + c] = from[c * latent + l];
    }
    v.push_back({b.Name("attn_kv_b"), static_cast<int64_t>(h) * per_head + s.plain_dim, s.value_dim});
  }
  return {b.Constant(b.Name("attn_k_b"), k, {s.heads, s.latent, s.plain_dim}),
          b.WeightOfRows(b.Name("attn_v_b"), {s.heads, s.value_dim, s.latent}, v, "attn_v_b")};
}

// Some files have both, the ones apart in other shapes.
UpProjections FindUpProjections(ModelBuilder& b, const MlaSpec& s) {
  if (b.HasPart("attn_kv_b")) {
    b.Ignore(b.Name("attn_k_b"));
    b.Ignore(b.Name("attn_v_b"));
    return SplitKvB(b, s);
  }
  return {b.Weight(b.Name("attn_k_b"), {s.heads, s.latent, s.plain_dim}, "attn_k_b"),
          b.Weight(b.Name("attn_v_b"), {s.heads, s.value_dim, s.latent}, "attn_v_b")};
}

}  // namespace

MlaSpec MlaOf(ModelBuilder& b, const Hparams& h) {
  MlaSpec s{.width = h.width, .heads = h.heads, .rope_dims = h.rope_dims};
  s.query_rank = b.MetaInt("attention.q_lora_rank", 0, kMost, 0);
  s.latent = b.MetaInt("attention.kv_lora_rank", 1, kMost, 0);
  const int key_dim = b.MetaInt("attention.key_length_mla", 1, kMost, h.head_dim);
  const int value_dim = b.MetaInt("attention.value_length", 1, kMost, h.head_dim);
  s.value_dim = b.MetaInt("attention.value_length_mla", 1, kMost, value_dim);
  s.plain_dim = key_dim - h.rope_dims;
  if (s.plain_dim < 1 || h.rope_dims % 2 != 0) {
    b.Fail(BadInput("rope.dimension_count: " + std::to_string(h.rope_dims) +
                    ", expected an even number below the " + std::to_string(key_dim) + " channels of a key"));
  }
  const RopeScaling& r = h.rope_scaling;
  const float stretch = r.factor > 1 ? 1.f + r.log_multiplier * std::log(r.factor) : 1.f;
  s.scale = stretch * stretch / std::sqrt(static_cast<float>(key_dim));
  return s;
}

ValueId LatentAttention(ModelBuilder& b, ValueId x, const MlaSpec& s) {
  const int64_t key = int64_t{s.latent} + s.rope_dims;
  const UpProjections up = FindUpProjections(b, s);
  const ValueId q = Query(b, x, s);
  const ValueId q_turned = Rope(b, Slice(b, q, s.heads, s.plain_dim, s.rope_dims), s);
  const ValueId q_latent = b.Op("head_linear", {Slice(b, q, s.heads, 0, s.plain_dim), up.k});
  const ValueId query = b.Op("concat", {q_latent, q_turned}, {{"groups", int64_t{s.heads}}});

  const ValueId kv = b.Linear(x, "attn_kv_a_mqa", key, s.width);
  const ValueId latent = b.RmsNorm(Slice(b, kv, 1, 0, s.latent), "attn_kv_a_norm", s.latent, kNormEps);
  const ValueId keys = b.Op("concat", {latent, Rope(b, Slice(b, kv, 1, s.latent, s.rope_dims), s)});

  const int64_t layer = b.AddKvLayer({1, static_cast<int>(key), s.latent});
  const ValueId state = b.Op("kv_append", {keys, latent}, {{"layer", layer}});
  const ValueId picked = b.Op("attention", {query, state},
                              {{"layer", layer},
                               {"heads", int64_t{s.heads}},
                               {"kv_heads", int64_t{1}},
                               {"head_dim", key},
                               {"v_dim", int64_t{s.latent}},
                               {"scale", static_cast<double>(s.scale)}});
  return b.Linear(b.Op("head_linear", {picked, up.v}), "attn_output", s.width,
                  int64_t{s.heads} * s.value_dim);
}

}  // namespace tern
