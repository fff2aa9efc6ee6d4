// T5, Flan-T5, mT5, UMT5 (Raffel et al. 2019, arXiv 1910.10683): an encoder reads the source, a decoder
// attends to it and answers.

#include <cmath>

#include "models/t5encoder.h"

namespace tern {
namespace {

constexpr int kMostLayers = 4096;

int DecoderLayers(const Hparams& h, ModelBuilder& b) {
  return b.MetaInt("decoder_block_count", 1, kMostLayers, h.layers);
}

void BuildSource(const Hparams& h, ModelBuilder& b) {
  const ValueId x = T5Encoder(h, b);
  if (b.wants_hidden_states()) return b.HiddenStates(x);
  b.EnterStack("dec");
  for (int layer = 0; layer < DecoderLayers(h, b); ++layer) {
    b.EnterLayer(layer);
    SourceKeys(b, x, T5Attention(h, "cross_attn_o"));
  }
}

void Build(const Hparams& h, ModelBuilder& b) {
  ValueId x = b.EmbedTokens(h);
  b.EnterStack("dec");
  b.Ignore("dec.blk.0.cross_attn_rel_b.weight");  // in old files, and read by nobody
  for (int layer = 0; layer < DecoderLayers(h, b); ++layer) {
    b.EnterLayer(layer);
    x = T5SelfPart(h, b, x, true);
    // BuildSource's KV layers come first: the encoder's own, then one for each layer here.
    const int source = h.layers + layer;
    const ValueId normed = b.RmsNorm(x, "cross_attn_norm", h);
    x = b.Add(CrossAttention(b, normed, source, T5Attention(h, "cross_attn_o")), x);
    x = T5MlpPart(h, b, x);
  }
  // A head that is the embedding is scaled; files that llama.cpp's script made do not say more.
  const float usual = b.Has("output.weight") ? 1.f : 1 / std::sqrt(static_cast<float>(h.width));
  b.Head(x, h, {.scale = b.MetaFloat("logit_scale", usual)});
}

void ReadMt5Config(HfConfig& c) {
  ReadT5EncoderConfig(c);
  c.Set("decoder_block_count", c.Size("num_decoder_layers", c.Int("num_hidden_layers", 1), {1, kMostLayers}));
  c.Set("decoder_start_token_id", c.Int("decoder_start_token_id", c.Int("pad_token_id", 0)));
  c.Set("logit_scale", 1.0);
}

void ReadConfig(HfConfig& c) {
  ReadMt5Config(c);
  // Of v1.1 and Flan the config says that nothing is tied, and means this.
  const bool scales = c.Bool("scale_decoder_outputs", c.Bool("tie_word_embeddings", true));
  if (scales) c.Set("logit_scale", 1 / std::sqrt(c.Float("hidden_size", 1)));
}

constexpr HfMapping kHf[] = {{.classes = "T5ForConditionalGeneration T5WithLMHeadModel",
                              .norm_eps = 1e-6,
                              .prefixes = "",
                              .defaults = T5Defaults,
                              .config = ReadConfig,
                              .rules = kT5Rules},
                             {.classes = "UMT5ForConditionalGeneration",
                              .norm_eps = 1e-6,
                              .prefixes = "",
                              .defaults = Mt5Defaults,
                              .config = ReadConfig,
                              .rules = kT5Rules},
                             {.classes = "MT5ForConditionalGeneration",
                              .norm_eps = 1e-6,
                              .prefixes = "",
                              .defaults = Mt5Defaults,
                              .config = ReadMt5Config,
                              .rules = kT5Rules}};

}  // namespace
extern const ModelDesc k_model_t5;
const ModelDesc k_model_t5 = {.name = "t5",
                              .summary = "T5, Flan-T5, mT5, UMT5: encoder and decoder",
                              .build = Build,
                              .build_source = BuildSource,
                              .hf = kHf};
}  // namespace tern
