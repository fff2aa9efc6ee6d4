// Models that a file may describe, but nobody can run: an error in one line each, that names the object, what
// it is and what was expected.

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "models/model.h"
#include "models/tiny_checkpoint.h"

namespace tern {
namespace {

using Mutation = std::function<void(MemoryCheckpoint&)>;

struct BrokenModel {
  const char* name;
  Mutation mutate;
  std::string error;  // all of it
  const char* architecture = "llama";
};

Mutation Set(std::string key, MetaValue value) {
  return [=](MemoryCheckpoint& c) { c.metadata_.Set(key, value); };
}
Mutation Erase(std::string key) {
  return [=](MemoryCheckpoint& c) {
    Metadata rest;
    for (const auto& [name, value] : c.metadata().all()) {
      if (name != key) rest.Set(name, value);
    }
    c.metadata_ = rest;
  };
}
Mutation Reshape(std::string tensor, Shape shape) {
  return [=](MemoryCheckpoint& c) { c.FindMutable(tensor)->shape = shape; };
}
Mutation Remove(std::string tensor) {
  return [=](MemoryCheckpoint& c) { c.Remove(tensor); };
}
Mutation Add(std::string tensor, std::vector<float> values) {
  return [=](MemoryCheckpoint& c) { c.Add(tensor, {static_cast<int64_t>(values.size())}, F32(), values); };
}
Mutation Both(Mutation a, Mutation b) {
  return [=](MemoryCheckpoint& c) {
    a(c);
    b(c);
  };
}

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string Supported() {
  std::string names;
  for (const ModelDesc* model : AllModels()) names += (names.empty() ? "" : ", ") + std::string(model->name);
  return "supported: " + names;
}

std::vector<BrokenModel> BrokenMetadata() {
  return {
      {"no architecture", Erase("general.architecture"), "general.architecture: missing from the metadata"},
      {"architecture is a number", Set("general.architecture", int64_t{3}),
       "general.architecture: is an integer, expected a string"},
      {"unknown architecture", Set("general.architecture", std::string("abacus")),
       "general.architecture: \"abacus\", " + Supported()},
      {"architecture of a megabyte", Set("general.architecture", std::string(1 << 20, 'a')),
       "general.architecture: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\", " + Supported()},
      {"keys of another architecture", Set("general.architecture", std::string("gemma3")),
       "gemma3.block_count: missing from the metadata"},
      {"no layers", Set("llama.block_count", int64_t{0}), "llama.block_count: 0, expected 1 to 4096"},
      {"a million layers", Set("llama.block_count", int64_t{1000000}),
       "llama.block_count: 1000000, expected 1 to 4096"},
      {"more layers than weights", Set("llama.block_count", int64_t{4096}),
       "blk.2.attn_norm.weight: missing, expected shape [96]"},
      {"fewer layers than weights", Set("llama.block_count", int64_t{1}),
       "blk.1.attn_norm.weight: shape [96], expected no such tensor in a llama model of 1 layers"},
      {"width 0", Set("llama.embedding_length", int64_t{0}),
       "llama.embedding_length: 0, expected 1 to 1048576"},
      {"negative width", Set("llama.embedding_length", int64_t{-96}),
       "llama.embedding_length: -96, expected 1 to 1048576"},
      {"width beyond 64 bits", Set("llama.embedding_length", std::numeric_limits<uint64_t>::max()),
       "llama.embedding_length: is 18446744073709551615, expected at most 2^63 - 1"},
      {"width is text", Set("llama.embedding_length", std::string("96")),
       "llama.embedding_length: is a string, expected an integer"},
      {"another width", Set("llama.embedding_length", int64_t{192}),
       "token_embd.weight: shape [258, 96], expected [258, 192]"},
      {"heads per layer", Set("llama.attention.head_count", std::vector<int64_t>{3, 3}),
       "llama.attention.head_count: is an array of integers, expected an integer"},
      {"no heads", Set("llama.attention.head_count", int64_t{0}),
       "llama.attention.head_count: 0, expected 1 to 4096"},
      {"KV heads that do not divide the heads", Set("llama.attention.head_count_kv", int64_t{2}),
       "llama.attention.head_count_kv: 2, expected a divisor of 3 heads"},
      {"heads that do not divide the width",
       Both(Set("llama.attention.head_count", int64_t{5}), Erase("llama.attention.key_length")),
       "llama.attention.head_count: 5, expected a divisor of the width 96, or llama.attention.key_length"},
      {"another head dimension",
       Both(Set("llama.attention.key_length", int64_t{64}), Set("llama.attention.value_length", int64_t{64})),
       "blk.0.attn_q.weight: shape [96, 96], expected [192, 96]"},
      {"another MLP width", Set("llama.feed_forward_length", int64_t{1 << 24}),
       "blk.0.ffn_gate.weight: shape [160, 96], expected [16777216, 96]"},
      {"MLP wider than anything", Set("llama.feed_forward_length", int64_t{1} << 40),
       "llama.feed_forward_length: 1099511627776, expected 0 to 16777216"},
      {"no context", Set("llama.context_length", int64_t{0}),
       "llama.context_length: 0, expected 1 to 1073741824"},
      {"rope turns nothing", Set("llama.rope.dimension_count", int64_t{0}),
       "llama.rope.dimension_count: 0, expected 1 to 65536"},
      {"rope turns more than the head", Set("llama.rope.dimension_count", int64_t{34}),
       "llama.rope.dimension_count: 34, expected at most the 32 channels of a head"},
      {"rope base NaN", Set("llama.rope.freq_base", kNan), "llama.rope.freq_base: nan, expected 2 to 1e+12"},
      {"rope base infinite", Set("llama.rope.freq_base", kInfinity),
       "llama.rope.freq_base: inf, expected 2 to 1e+12"},
      {"rope base 0", Set("llama.rope.freq_base", 0.0), "llama.rope.freq_base: 0, expected 2 to 1e+12"},
      {"rope base that is no float", Set("llama.rope.freq_base", 1e-300),
       "llama.rope.freq_base: 1e-300, expected 2 to 1e+12"},
      {"rope scaling of another kind", Set("llama.rope.scaling.type", std::string("ruler")),
       "llama.rope.scaling.type: \"ruler\", supported: none, linear, dynamic, yarn, longrope"},
      {"rope scaling by 0",
       Both(Set("llama.rope.scaling.type", std::string("linear")), Set("llama.rope.scaling.factor", 0.0)),
       "llama.rope.scaling.factor: 0, expected 0.001 to 1e+06"},
      {"norm epsilon NaN", Set("llama.attention.layer_norm_rms_epsilon", kNan),
       "llama.attention.layer_norm_rms_epsilon: nan, expected 1e-20 to 1"},
      {"negative norm epsilon", Set("llama.attention.layer_norm_rms_epsilon", -1e-5),
       "llama.attention.layer_norm_rms_epsilon: -1e-05, expected 1e-20 to 1"},
      {"yarn with a negative slope",
       Both(Set("llama.rope.scaling.type", std::string("yarn")),
            Set("llama.rope.scaling.yarn_beta_fast", -32.0)),
       "llama.rope.scaling.yarn_beta_fast: -32, expected 0.001 to 1e+06"},
      {"more experts used than there are",
       Both(Set("llama.expert_count", int64_t{4}), Set("llama.expert_used_count", int64_t{8})),
       "llama.expert_used_count: 8, expected 1 to 4"},
      {"no window", Set("gemma3.attention.sliding_window", int64_t{0}),
       "gemma3.attention.sliding_window: 0 or missing, expected a positive number", "gemma3"},
      {"negative window", Set("gemma3.attention.sliding_window", int64_t{-1}),
       "gemma3.attention.sliding_window: -1, expected 0 to 1073741824", "gemma3"},
  };
}

std::vector<BrokenModel> BrokenTensors() {
  return {
      {"no embedding", Remove("token_embd.weight"),
       "token_embd.weight: missing: the file holds no model weights"},
      {"an embedding of one dimension", Reshape("token_embd.weight", {258 * 96}),
       "token_embd.weight: shape [24768], expected [vocabulary, width]"},
      {"an empty embedding", Reshape("token_embd.weight", {0, 96}),
       "token_embd.weight: shape [0, 96], expected [vocabulary, width]"},
      {"a turned embedding", Reshape("token_embd.weight", {96, 258}),
       "token_embd.weight: shape [96, 258], expected [96, 96]"},
      {"no final norm", Remove("output_norm.weight"), "output_norm.weight: missing, expected shape [96]"},
      {"a missing weight", Remove("blk.1.ffn_down.weight"),
       "blk.1.ffn_down.weight: missing, expected shape [96, 160]"},
      {"a turned weight", Reshape("blk.0.attn_k.weight", {96, 32}),
       "blk.0.attn_k.weight: shape [96, 32], expected [32, 96]"},
      {"a weight of three dimensions", Reshape("blk.0.attn_v.weight", {1, 32, 96}),
       "blk.0.attn_v.weight: shape [1, 32, 96], expected [32, 96]"},
      {"a norm of another size", Reshape("blk.0.ffn_norm.weight", {95}),
       "blk.0.ffn_norm.weight: shape [95], expected [96]"},
      {"a head of another size", Add("output.weight", std::vector<float>(96)),
       "output.weight: shape [96], expected [258, 96]"},
      {"a norm that would be left out", Add("blk.0.attn_q_norm.weight", std::vector<float>(32)),
       "blk.0.attn_q_norm.weight: shape [32], expected no such tensor in a llama model of 2 layers"},
      {"a bias that would be left out", Add("output_norm.bias", std::vector<float>(96)),
       "output_norm.bias: shape [96], expected no such tensor in a llama model of 2 layers"},
      {"rope factors of another size", Add("rope_freqs.weight", std::vector<float>(15, 1.f)),
       "rope_freqs.weight: shape [15], expected [16]"},
      {"a rope factor of 0", Add("rope_freqs.weight", std::vector<float>(16, 0.f)),
       "rope_freqs.weight: value 0 is 0, expected a positive number"},
      {"a rope factor that is NaN", Add("rope_freqs.weight", std::vector<float>(16, std::nanf(""))),
       "rope_freqs.weight: value 0 is nan, expected a positive number"},
      {"no q norm", Remove("blk.0.attn_q_norm.weight"),
       "blk.0.attn_q_norm.weight: missing, expected shape [32]", "gemma3"},
      {"no norm behind the MLP", Remove("blk.1.post_ffw_norm.weight"),
       "blk.1.post_ffw_norm.weight: missing, expected shape [96]", "gemma3"},
  };
}

std::vector<BrokenModel> BrokenEncoderDecoders() {
  return {
      {"a start that is no token", Set("t5.decoder_start_token_id", int64_t{258}),
       "t5.decoder_start_token_id: 258, expected 0 to 257", "t5"},
      {"a decoder without layers", Set("t5.decoder_block_count", int64_t{0}),
       "t5.decoder_block_count: 0, expected 1 to 4096", "t5"},
      {"fewer decoder layers than weights", Set("t5.decoder_block_count", int64_t{1}),
       "dec.blk.1.attn_norm.weight: shape [96], expected no such tensor in a t5 model of 2 layers", "t5"},
      {"another number of buckets", Set("t5.attention.relative_buckets_count", int64_t{32}),
       "enc.blk.0.attn_rel_b.weight: shape [8, 3], expected [32, 3]", "t5"},
      {"a distance within the first buckets", Set("t5.attention.relative_max_distance", int64_t{2}),
       "t5.attention.relative_max_distance: 2, expected 3 to 65536", "t5"},
      {"no keys of a source", Remove("dec.blk.0.cross_attn_k.weight"),
       "dec.blk.0.cross_attn_k.weight: missing, expected shape [32, 96]", "t5"},
      {"no biases", Remove("dec.blk.0.attn_rel_b.weight"),
       "dec.blk.0.attn_rel_b.weight: missing, expected shape [8, 3]", "t5"},
  };
}

void ExpectErrors(const std::vector<BrokenModel>& cases) {
  for (const BrokenModel& broken : cases) {
    const auto checkpoint = MakeTinyCheckpoint({.architecture = broken.architecture});
    broken.mutate(*checkpoint);
    const auto built = BuildModel(*checkpoint);
    EXPECT_EQ(built.ok() ? "no error" : built.error().what, broken.error) << broken.name;
  }
}

TEST(BuildModel, NamesTheMetadataThatIsWrong) { ExpectErrors(BrokenMetadata()); }
TEST(BuildModel, NamesTheTensorThatIsWrong) { ExpectErrors(BrokenTensors()); }
TEST(BuildModel, NamesWhatIsWrongWithAnEncoderDecoder) { ExpectErrors(BrokenEncoderDecoders()); }

TEST(BuildModel, WhereLayersHaveATableEachNoneIsAnothers) {
  const auto checkpoint = MakeTinyCheckpoint({.architecture = "t5", .layers = 3});
  Add("enc.blk.2.attn_rel_b.weight", {8, 3})(*checkpoint);
  const auto built = BuildModel(*checkpoint);
  ASSERT_FALSE(built.ok());
  EXPECT_EQ(built.error().what, "enc.blk.1.attn_rel_b.weight: missing, expected shape [8, 3]");
}

TEST(BuildModel, LayersThatGuessFurtherTokensAreLeftOut) {
  const auto checkpoint = MakeTinyCheckpoint({.layers = 2});
  const MetaValue layers = int64_t{3}, guessing = int64_t{1};
  checkpoint->metadata_.Set("llama.block_count", layers);
  checkpoint->metadata_.Set("llama.nextn_predict_layers", guessing);
  Add("blk.2.nextn.enorm.weight", {1, 2})(*checkpoint);
  const auto built = BuildModel(*checkpoint);
  ASSERT_TRUE(built.ok()) << built.error().what;
  EXPECT_EQ(built.value().kv_layers.size(), 2u);
  Add("blk.3.attn_norm.weight", {1, 2})(*checkpoint);
  EXPECT_FALSE(BuildModel(*checkpoint).ok());
}

TEST(BuildModel, WhatIsLeftOutOfTheMetadataHasADefault) {
  const auto checkpoint = MakeTinyCheckpoint({.heads = 3, .kv_heads = 3});
  for (const char* key : {"attention.head_count_kv", "attention.key_length", "attention.value_length"}) {
    Erase(std::string("llama.") + key)(*checkpoint);
  }
  const auto built = BuildModel(*checkpoint);
  ASSERT_TRUE(built.ok()) << built.error().what;
  EXPECT_EQ(built.value().hparams.head_dim, 32);
  EXPECT_EQ(built.value().hparams.rope_dims, 32);
  EXPECT_EQ(built.value().kv_layers.size(), 2u);
}

TEST(BuildModel, AnEncoderDecoderIsTwoGraphsOrItsEncoder) {
  const auto checkpoint = MakeTinyCheckpoint({.architecture = "t5", .layers = 3});
  const BuiltModel both = BuildModel(*checkpoint).value();
  ASSERT_TRUE(both.source);
  EXPECT_EQ(both.source->outputs().size(), 0u);
  EXPECT_FALSE(both.encoder);
  EXPECT_EQ(both.kv_layers.size(), 9u);  // of the encoder, of the source for the decoder, of the decoder
  const BuiltModel encoder = BuildModel(*checkpoint, {.hidden_states = true}).value();
  EXPECT_FALSE(encoder.source);
  EXPECT_TRUE(encoder.encoder);
  EXPECT_EQ(encoder.kv_layers.size(), 3u);
  EXPECT_EQ(encoder.output_width(), 96);
}

// As llama.cpp reads it.
TEST(BuildModel, EachKindOfNormHasItsEpsilon) {
  const auto read = [](double layer, double rms) {
    auto checkpoint = MakeTinyCheckpoint();
    if (layer > 0) checkpoint->metadata_.Set("llama.attention.layer_norm_epsilon", layer);
    if (rms > 0) checkpoint->metadata_.Set("llama.attention.layer_norm_rms_epsilon", rms);
    return ReadHparams(checkpoint->metadata(), "llama").value();
  };
  const Hparams both = read(1e-3, 1e-6), layer = read(1e-3, 0), rms = read(0, 1e-6);
  EXPECT_FLOAT_EQ(both.layer_norm_eps, 1e-3f);
  EXPECT_FLOAT_EQ(both.rms_norm_eps, 1e-6f);
  EXPECT_FLOAT_EQ(layer.rms_norm_eps, 1e-3f);
  EXPECT_FLOAT_EQ(rms.layer_norm_eps, 1e-6f);
}

TEST(BuildModel, ARopeFactorWithoutATypeIsLinear) {
  const auto checkpoint = MakeTinyCheckpoint();
  EXPECT_EQ(BuildModel(*checkpoint).value().hparams.rope_scaling.type, "none");
  checkpoint->metadata_.Set("llama.rope.scale_linear", 2.0);
  EXPECT_EQ(BuildModel(*checkpoint).value().hparams.rope_scaling.type, "linear");
  EXPECT_EQ(BuildModel(*checkpoint).value().hparams.rope_scaling.factor, 2.f);
  checkpoint->metadata_.Set("llama.rope.scaling.factor", 4.0);
  EXPECT_EQ(BuildModel(*checkpoint).value().hparams.rope_scaling.factor, 4.f);
  EXPECT_EQ(BuildModel(*checkpoint).value().hparams.rope_scaling.type, "linear");
  checkpoint->metadata_.Set("llama.rope.scaling.type", std::string("none"));
  EXPECT_EQ(BuildModel(*checkpoint).value().hparams.rope_scaling.type, "none");
}

// Any one number of the metadata, or dimension of a tensor, replaced by an extreme one: an error or a model,
// never a crash.
TEST(BuildModel, SurvivesExtremeNumbers) {
  constexpr int64_t kExtremes[] = {std::numeric_limits<int64_t>::min(),
                                   -1,
                                   0,
                                   1,
                                   7,
                                   4097,
                                   1 << 20,
                                   (int64_t{1} << 31) - 1,
                                   int64_t{1} << 32,
                                   std::numeric_limits<int64_t>::max()};
  int refused = 0;
  for (const std::string architecture : {"llama", "gemma3", "t5"}) {
    const auto checkpoint = MakeTinyCheckpoint({.architecture = architecture});
    const Metadata good = checkpoint->metadata();
    for (const auto& [key, value] : good.all()) {
      if (!key.starts_with(architecture)) continue;
      for (const int64_t extreme : kExtremes) {
        checkpoint->metadata_.Set(key, extreme);
        refused += !BuildModel(*checkpoint).ok();
      }
      checkpoint->metadata_.Set(key, value);
    }
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace tern
