#pragma once
// What T5's encoder alone and its encoder with a decoder share.

#include "models/blocks/attention.h"
#include "models/hf/config.h"
#include "models/hf/mapping.h"

namespace tern {

// Attention as T5 has it: scores are not scaled. `output`: the last linear's part.
AttentionSpec T5Attention(const Hparams& h, std::string_view output);
// The parts of a layer, with norm and residual: self-attention with its bias by distance, and the MLP.
ValueId T5SelfPart(const Hparams& h, ModelBuilder& b, ValueId x, bool causal);
ValueId T5MlpPart(const Hparams& h, ModelBuilder& b, ValueId x);
// The last hidden states of the encoder, [T, width], normed.
ValueId T5Encoder(const Hparams& h, ModelBuilder& b);

// Where config.json is silent: of T5, and of mT5 and UMT5.
void T5Defaults(HfConfig& c);
void Mt5Defaults(HfConfig& c);
void ReadT5EncoderConfig(HfConfig& c);

// The names of both stacks. `mlp`: the number of the sublayer that is the MLP.
#define T5_STACK_RULES(from, to, mlp)                                                                \
  {from ".embed_tokens.weight", "token_embd.weight", nullptr, kHfAgain},                             \
      {from ".final_layer_norm.*", to ".output_norm.*"},                                             \
      {from ".block.{}.layer.0.SelfAttention.q.*", to ".blk.{}.attn_q.*"},                           \
      {from ".block.{}.layer.0.SelfAttention.k.*", to ".blk.{}.attn_k.*"},                           \
      {from ".block.{}.layer.0.SelfAttention.v.*", to ".blk.{}.attn_v.*"},                           \
      {from ".block.{}.layer.0.SelfAttention.o.*", to ".blk.{}.attn_o.*"},                           \
      {from ".block.{}.layer.0.SelfAttention.relative_attention_bias.*", to ".blk.{}.attn_rel_b.*"}, \
      {from ".block.{}.layer.0.layer_norm.*", to ".blk.{}.attn_norm.*"},                             \
      {from ".block.{}.layer." mlp ".layer_norm.*", to ".blk.{}.ffn_norm.*"},                        \
      {from ".block.{}.layer." mlp ".DenseReluDense.wi.*", to ".blk.{}.ffn_up.*"},                   \
      {from ".block.{}.layer." mlp ".DenseReluDense.wi_0.*", to ".blk.{}.ffn_gate.*"},               \
      {from ".block.{}.layer." mlp ".DenseReluDense.wi_1.*", to ".blk.{}.ffn_up.*"}, {               \
    from ".block.{}.layer." mlp ".DenseReluDense.wo.*", to ".blk.{}.ffn_down.*"                      \
  }

inline constexpr HfRule kT5Rules[] = {
    {"shared.weight", "token_embd.weight", nullptr, kHfAgain},
    T5_STACK_RULES("encoder", "enc", "1"),
    T5_STACK_RULES("decoder", "dec", "2"),
    {"decoder.block.{}.layer.1.EncDecAttention.q.*", "dec.blk.{}.cross_attn_q.*"},
    {"decoder.block.{}.layer.1.EncDecAttention.k.*", "dec.blk.{}.cross_attn_k.*"},
    {"decoder.block.{}.layer.1.EncDecAttention.v.*", "dec.blk.{}.cross_attn_v.*"},
    {"decoder.block.{}.layer.1.EncDecAttention.o.*", "dec.blk.{}.cross_attn_o.*"},
    {"decoder.block.{}.layer.1.EncDecAttention.relative_attention_bias.*", "", nullptr, kHfIgnore},
    {"decoder.block.{}.layer.1.layer_norm.*", "dec.blk.{}.cross_attn_norm.*"}};

#undef T5_STACK_RULES

}  // namespace tern
