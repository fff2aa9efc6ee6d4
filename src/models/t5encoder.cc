// The encoder of T5, Flan-T5, mT5, UMT5 (Raffel et al. 2019, arXiv 1910.10683) alone. Positions are biases of
// attention scores by distance.

#include "models/t5encoder.h"

#include "models/blocks/mlp.h"

namespace tern {

AttentionSpec T5Attention(const Hparams& h, std::string_view output) {
  AttentionSpec spec = AttentionOf(h);
  spec.scale = 1;
  spec.output = output;
  return spec;
}

namespace {

constexpr int kMostBuckets = 1 << 16;

// T5's layers share the first one's table; UMT5's have one each, and what one of them lacks is missing.
bool SharesTable(const Hparams& h, ModelBuilder& b) {
  const int layer = b.layer();
  bool shares = true;
  for (int later = 1; later < h.layers && shares; ++later) {
    b.EnterLayer(later);
    shares = !b.HasPart("attn_rel_b");
  }
  b.EnterLayer(layer);
  return shares;
}

RelativeBias BiasOf(const Hparams& h, ModelBuilder& b, bool causal) {
  RelativeBias bias{.buckets = b.MetaInt("attention.relative_buckets_count", 4, kMostBuckets, 32)};
  const int exact = bias.buckets / (causal ? 2 : 4);  // distances that have a bucket of their own
  bias.max_distance = b.MetaInt("attention.relative_max_distance", exact + 1, kMostBuckets, 128);
  const int layer = b.layer();
  if (SharesTable(h, b)) b.EnterLayer(0);
  bias.table = b.Weight(b.Name("attn_rel_b"), {bias.buckets, h.heads});
  b.EnterLayer(layer);
  return bias;
}

void Build(const Hparams& h, ModelBuilder& b) { b.HiddenStates(T5Encoder(h, b)); }

}  // namespace

ValueId T5SelfPart(const Hparams& h, ModelBuilder& b, ValueId x, bool causal) {
  AttentionSpec spec = T5Attention(h, "attn_o");
  spec.causal = causal;
  spec.bias = BiasOf(h, b, causal);
  return b.Add(SelfAttention(b, b.RmsNorm(x, "attn_norm", h), spec), x);
}

ValueId T5MlpPart(const Hparams& h, ModelBuilder& b, ValueId x) {
  const ValueId normed = b.RmsNorm(x, "ffn_norm", h);
  // The first models have a plain MLP with ReLU, all later ones a gated one without.
  const std::string act = b.MetaStr("hidden_activation", b.HasPart("ffn_gate") ? "gelu_tanh" : "relu");
  const bool gated = b.MetaBool("feed_forward_gated", act != "relu");
  return b.Add(gated ? GatedMlp(b, normed, act, h) : PlainMlp(b, normed, act, h), x);
}

ValueId T5Encoder(const Hparams& h, ModelBuilder& b) {
  ValueId x = b.EmbedTokens(h);
  b.EnterStack("enc");
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    x = T5MlpPart(h, b, T5SelfPart(h, b, x, false));
  }
  b.EnterLayer(-1);
  return b.RmsNorm(x, "output_norm", h);
}

// The class's own names count alone, whatever else the config has.
void T5Defaults(HfConfig& c) {
  c.Replace("hidden_size", c.Int("d_model", 512));
  c.Replace("intermediate_size", c.Int("d_ff", 2048));
  c.Replace("num_hidden_layers", c.Int("num_layers", 6));
  c.Replace("num_attention_heads", c.Int("num_heads", 8));
  c.Replace("num_key_value_heads", c.Int("num_heads", 8));
  c.Replace("head_dim", c.Int("d_kv", 64));
  c.Default("n_positions", int64_t{512});  // no limit: positions are distances
  c.Default("feed_forward_proj", std::string("relu"));
  c.Default("tie_word_embeddings", true);
}

void Mt5Defaults(HfConfig& c) {
  c.Default("d_ff", int64_t{1024});
  c.Default("num_layers", int64_t{8});
  c.Default("num_heads", int64_t{6});
  c.Default("feed_forward_proj", std::string("gated-gelu"));
  T5Defaults(c);
}

void ReadT5EncoderConfig(HfConfig& c) {
  const std::string mlp = c.OneOf("feed_forward_proj", "relu gelu silu gated-gelu gated-relu gated-silu");
  const bool gated = mlp.starts_with("gated-");
  const std::string act = mlp.substr(gated ? 6 : 0);
  c.Set("hidden_activation", gated && act == "gelu" ? "gelu_tanh" : act);
  c.Set("feed_forward_gated", gated);
  c.CopyFloat({"layer_norm_epsilon"}, "attention.layer_norm_rms_epsilon");
  c.Set("attention.relative_buckets_count", c.Size("relative_attention_num_buckets", 32, {4, kMostBuckets}));
  c.Set("attention.relative_max_distance", c.Size("relative_attention_max_distance", 128, {1, kMostBuckets}));
}

namespace {

constexpr HfMapping kHf[] = {{.classes = "T5EncoderModel",
                              .norm_eps = 1e-6,
                              .prefixes = "",
                              .defaults = T5Defaults,
                              .config = ReadT5EncoderConfig,
                              .rules = kT5Rules},
                             {.classes = "MT5EncoderModel UMT5EncoderModel",
                              .norm_eps = 1e-6,
                              .prefixes = "",
                              .defaults = Mt5Defaults,
                              .config = ReadT5EncoderConfig,
                              .rules = kT5Rules}};

}  // namespace
extern const ModelDesc k_model_t5encoder;
const ModelDesc k_model_t5encoder = {.name = "t5encoder",
                                     .summary = "the encoders of T5, Flan-T5, mT5 and UMT5",
                                     .build = Build,
                                     .hf = kHf,
                                     .encoder = true};
}  // namespace tern
