#pragma once
// For tests: a Llama, Gemma 3 or T5 checkpoint with random weights in memory, in any weight formats, with a
// byte-level tokenizer (ids 0-255 are bytes; 256 BOS, 257 end of generation).

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "io/memory_checkpoint.h"
#include "tensor/format.h"

namespace tern {

struct TinyModelOptions {
  std::string architecture = "llama";
  int layers = 2, width = 96, heads = 3, kv_heads = 1, head_dim = 32, ffn_width = 160, vocabulary = 258;
  int context = 512, window = 24;
  // Formats of the linear weights, used in turn.
  std::vector<std::string> formats = {"q4_0", "q8_0", "q5_1"};
  std::vector<std::string> pieces = {};  // more tokens, after id 257; `vocabulary` counts them
  unsigned seed = 1;
};

class TinyCheckpointMaker {
 public:
  explicit TinyCheckpointMaker(const TinyModelOptions& options) : o_(options), random_(options.seed) {}

  std::unique_ptr<MemoryCheckpoint> Make() {
    AddMetadata();
    AddWeights();
    return std::move(checkpoint_);
  }

 private:
  static constexpr int kBuckets = 8;

  void AddMetadata() {
    Metadata& m = checkpoint_->metadata_;
    const std::string a = o_.architecture + ".";
    m.Set("general.architecture", o_.architecture);
    const std::pair<std::string, int> ints[] = {{"block_count", o_.layers},
                                                {"embedding_length", o_.width},
                                                {"attention.head_count", o_.heads},
                                                {"attention.head_count_kv", o_.kv_heads},
                                                {"attention.key_length", o_.head_dim},
                                                {"attention.value_length", o_.head_dim},
                                                {"feed_forward_length", o_.ffn_width},
                                                {"context_length", o_.context}};
    for (const auto& [key, value] : ints) m.Set(a + key, int64_t{value});
    if (o_.architecture == "t5") m.Set(a + "attention.relative_buckets_count", int64_t{kBuckets});
    if (o_.architecture == "gemma3") m.Set(a + "attention.sliding_window", int64_t{o_.window});
    AddTokenizer(m);
  }

  // GPT-2's alphabet: printable bytes stand for themselves, the others for U+0100 and up.
  void AddTokenizer(Metadata& m) {
    std::vector<std::string> tokens;
    std::vector<int64_t> types;
    int moved = 0;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
      const int code = printable ? byte : 256 + moved++;
      std::string text;
      if (code < 0x80) {
        text.push_back(static_cast<char>(code));
      } else {
        text.push_back(static_cast<char>(0xc0 | code >> 6));
        text.push_back(static_cast<char>(0x80 | (code & 63)));
      }
      tokens.push_back(text);
      types.push_back(1);
    }
    tokens.insert(tokens.end(), {"<s>", "</s>"});
    types.insert(types.end(), {3, 3});
    tokens.insert(tokens.end(), o_.pieces.begin(), o_.pieces.end());
    types.resize(tokens.size(), 1);
    m.Set("tokenizer.ggml.model", std::string("gpt2"));
    m.Set("tokenizer.ggml.pre", std::string("gpt-2"));
    m.Set("tokenizer.ggml.tokens", tokens);
    m.Set("tokenizer.ggml.token_type", types);
    m.Set("tokenizer.ggml.merges", std::vector<std::string>{});
    m.Set("tokenizer.ggml.bos_token_id", int64_t{256});
    m.Set("tokenizer.ggml.eos_token_id", int64_t{257});
  }

  std::vector<float> Random(int64_t n, float mean, float deviation) {
    std::normal_distribution<float> normal(mean, deviation);
    std::vector<float> values(static_cast<size_t>(n));
    for (float& x : values) x = normal(random_);
    return values;
  }

  void Norm(const std::string& name, int width) {
    checkpoint_->Add(name, {width}, F32(), Random(width, 1.f, 0.2f));
  }

  void Linear(const std::string& name, int64_t out, int64_t in) {
    const Format* format = FindFormat(o_.formats[next_format_++ % o_.formats.size()]);
    TERN_CHECK(format != nullptr && in % format->block_weights == 0);
    checkpoint_->Add(name, {out, in}, *format,
                     Random(out * in, 0.f, 1.5f / std::sqrt(static_cast<float>(in))));
  }

  void AddWeights() {
    const int q = o_.heads * o_.head_dim, kv = o_.kv_heads * o_.head_dim;
    const bool gemma = o_.architecture == "gemma3";
    checkpoint_->Add("token_embd.weight", {o_.vocabulary, o_.width}, *FindFormat("q8_0"),
                     Random(int64_t{o_.vocabulary} * o_.width, 0.f, 0.3f));
    if (o_.architecture == "t5") {
      AddT5Stack("enc.", {"attn_"});
      return AddT5Stack("dec.", {"attn_", "cross_attn_"});
    }
    Norm("output_norm.weight", o_.width);
    for (int i = 0; i < o_.layers; ++i) {
      const std::string p = "blk." + std::to_string(i) + ".";
      for (const char* norm : {"attn_norm.weight", "ffn_norm.weight"}) Norm(p + norm, o_.width);
      if (gemma) {
        for (const char* norm : {"post_attention_norm.weight", "post_ffw_norm.weight"})
          Norm(p + norm, o_.width);
        for (const char* norm : {"attn_q_norm.weight", "attn_k_norm.weight"}) Norm(p + norm, o_.head_dim);
      }
      Linear(p + "attn_q.weight", q, o_.width);
      Linear(p + "attn_k.weight", kv, o_.width);
      Linear(p + "attn_v.weight", kv, o_.width);
      Linear(p + "attn_output.weight", o_.width, q);
      Linear(p + "ffn_gate.weight", o_.ffn_width, o_.width);
      Linear(p + "ffn_up.weight", o_.ffn_width, o_.width);
      Linear(p + "ffn_down.weight", o_.width, o_.ffn_width);
    }
  }

  void AddT5Stack(const std::string& stack, const std::vector<std::string>& attentions) {
    const int q = o_.heads * o_.head_dim, kv = o_.kv_heads * o_.head_dim;
    checkpoint_->Add(stack + "blk.0.attn_rel_b.weight", {kBuckets, o_.heads}, F32(),
                     Random(int64_t{kBuckets} * o_.heads, 0.f, 1.f));
    Norm(stack + "output_norm.weight", o_.width);
    for (int i = 0; i < o_.layers; ++i) {
      const std::string p = stack + "blk." + std::to_string(i) + ".";
      for (const std::string& attention : attentions) {
        Norm(p + attention + "norm.weight", o_.width);
        Linear(p + attention + "q.weight", q, o_.width);
        Linear(p + attention + "k.weight", kv, o_.width);
        Linear(p + attention + "v.weight", kv, o_.width);
        Linear(p + attention + "o.weight", o_.width, q);
      }
      Norm(p + "ffn_norm.weight", o_.width);
      Linear(p + "ffn_up.weight", o_.ffn_width, o_.width);
      Linear(p + "ffn_down.weight", o_.width, o_.ffn_width);
    }
  }

  TinyModelOptions o_;
  std::mt19937 random_;
  std::unique_ptr<MemoryCheckpoint> checkpoint_ = std::make_unique<MemoryCheckpoint>();
  size_t next_format_ = 0;
};

inline std::unique_ptr<MemoryCheckpoint> MakeTinyCheckpoint(const TinyModelOptions& options = {}) {
  return TinyCheckpointMaker(options).Make();
}

}  // namespace tern
