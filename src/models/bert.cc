// BERT and RoBERTa: learned positions, norms behind each block, both directions, GELU.

#include <algorithm>

#include "models/blocks/attention.h"
#include "models/blocks/embedding.h"
#include "models/blocks/mlp.h"
#include "models/hf/config.h"

namespace tern {
namespace {

// Words, positions and which text a word is of, added and normed.
ValueId Embeddings(const Hparams& h, ModelBuilder& b) {
  ValueId x = b.Add(b.EmbedTokens(h), LearnedPositions(b, h));
  if (b.Has("token_types.weight")) {
    const int types = b.MetaInt("token_type_count", 1, 1 << 16, 2);
    x = b.Add(x, b.Op("embed", {b.token_types(), b.Weight("token_types.weight", {types, h.width})}));
  }
  return b.LayerNorm(x, "token_embd_norm", h);
}

void Build(const Hparams& h, ModelBuilder& b) {
  AttentionSpec attention = AttentionOf(h);
  attention.causal = false;
  const std::string act = b.MetaStr("hidden_activation", "gelu");
  ValueId x = Embeddings(h, b);
  for (int layer = 0; layer < h.layers; ++layer) {
    b.EnterLayer(layer);
    x = b.LayerNorm(b.Add(SelfAttention(b, x, attention), x), "attn_output_norm", h);
    x = b.LayerNorm(b.Add(PlainMlp(b, x, act, h), x), "layer_output_norm", h);
  }
  b.HiddenStates(x);
}

void ReadHfConfig(HfConfig& c) {
  const std::string positions = c.Str("position_embedding_type", "absolute");
  if (positions != "absolute") {
    c.Refuse(Unsupported("config.json: position_embedding_type: \"" + positions + "\", supported: absolute"));
  }
  c.Set("hidden_activation", c.Activation("hidden_act", "gelu"));
  c.Set("token_type_count", c.Int("type_vocab_size", 2));
}

void ReadRobertaConfig(HfConfig& c) {
  ReadHfConfig(c);
  // Positions are counted from behind the padding token's id.
  const int64_t table = c.Size("max_position_embeddings", 512, {2, 1 << 30});
  c.Set("context_length", table - 1 - c.Size("pad_token_id", 1, {0, std::max<int64_t>(table - 2, 0)}));
}

std::vector<int64_t> WithoutPaddingRows(const HfDims& d) {
  std::vector<int64_t> rows;
  for (int64_t i = std::max<int64_t>(d.rows - d.context, 0); i < d.rows; ++i) rows.push_back(i);
  return rows;
}

#define BERT_RULES                                                                                        \
  {"embeddings.word_embeddings.weight", "token_embd.weight"},                                             \
      {"embeddings.token_type_embeddings.weight", "token_types.weight"},                                  \
      {"embeddings.LayerNorm.*", "token_embd_norm.*"},                                                    \
      {"encoder.layer.{}.attention.self.query.*", "blk.{}.attn_q.*"},                                     \
      {"encoder.layer.{}.attention.self.key.*", "blk.{}.attn_k.*"},                                       \
      {"encoder.layer.{}.attention.self.value.*", "blk.{}.attn_v.*"},                                     \
      {"encoder.layer.{}.attention.output.dense.*", "blk.{}.attn_output.*"},                              \
      {"encoder.layer.{}.attention.output.LayerNorm.*", "blk.{}.attn_output_norm.*"},                     \
      {"encoder.layer.{}.intermediate.dense.*", "blk.{}.ffn_up.*"},                                       \
      {"encoder.layer.{}.output.dense.*", "blk.{}.ffn_down.*"},                                           \
      {"encoder.layer.{}.output.LayerNorm.*", "blk.{}.layer_output_norm.*"}, {"pooler.dense.*", "cls.*"}, \
      {"cls.**", "", nullptr, kHfIgnore}, {                                                               \
    "lm_head.**", "", nullptr, kHfIgnore                                                                  \
  }

constexpr HfRule kBertRules[] = {{"embeddings.position_embeddings.weight", "position_embd.weight"},
                                 {"classifier.*", "cls.output.*"},
                                 BERT_RULES};
constexpr HfRule kRobertaRules[] = {
    {"embeddings.position_embeddings.weight", "position_embd.weight", WithoutPaddingRows},
    {"classifier.dense.*", "cls.*"},
    {"classifier.out_proj.*", "cls.output.*"},
    BERT_RULES};

constexpr std::string_view kActivations = "gelu gelu_new gelu_pytorch_tanh relu silu swish";
constexpr HfMapping kHf[] = {
    {.classes = "BertModel BertForMaskedLM BertForSequenceClassification",
     .norm_eps = 1e-12,
     .prefixes = "bert.",
     .config = ReadHfConfig,
     .rules = kBertRules,
     .activations = kActivations},
    {.classes = "RobertaModel RobertaForMaskedLM RobertaForSequenceClassification XLMRobertaModel "
                "XLMRobertaForMaskedLM XLMRobertaForSequenceClassification",
     .norm_eps = 1e-12,
     .prefixes = "roberta.",
     .config = ReadRobertaConfig,
     .rules = kRobertaRules,
     .activations = kActivations}};

}  // namespace
extern const ModelDesc k_model_bert;
const ModelDesc k_model_bert = {.name = "bert",
                                .summary = "BERT, RoBERTa, XLM-R, MiniLM encoders",
                                .build = Build,
                                .hf = kHf,
                                .encoder = true};
}  // namespace tern
