#pragma once
// ModelDesc: which ops, with which weights, make an architecture. One constant per models/<name>.cc, written
// from blocks/, and one line in models.list.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "graph/graph.h"
#include "io/checkpoint.h"
#include "models/hf/mapping.h"
#include "ops/kv_store.h"

namespace tern {

class ModelBuilder;

// How RoPE reaches beyond the trained context. "none", "linear", "dynamic", "yarn" or "longrope"; Llama 3's
// way is a tensor of divisors instead.
struct RopeScaling {
  std::string type = "none";
  float factor = 1.f;
  int original_context = 0;      // tokens the model was trained for before it was extended
  float attention_factor = 1.f;  // of cosines and sines
  float beta_fast = 32.f, beta_slow = 1.f;
  bool truncate = true;        // yarn: whole channels at the borders of its ramp
  float log_multiplier = 0.f;  // yarn: 0.1 mscale_all_dim, which also enters DeepSeek's softmax scale
};

// What every model has. Read from metadata and checked before any weight is touched.
struct Hparams {
  int layers = 0;
  int guessing_layers = 0;  // behind them, for further tokens; not part of the graph
  int width = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int ffn_width = 0;  // 0: no dense feed-forward layers
  int vocabulary = 0;
  int context = 0;                // tokens the model was trained for
  int run_context = 0;            // tokens it is loaded for
  float attention_scale = 0;      // of q k^T; head_dim^-0.5 where the file does not say
  int window = 0;                 // sliding attention window; 0: none
  std::vector<bool> slides = {};  // by layer, where the file says so
  int rope_dims = 0;              // rotated channels per head; of an odd number, one more is
  float rope_base = 10000.f;
  RopeScaling rope_scaling = {};
  float layer_norm_eps = 1e-5f, rms_norm_eps = 1e-5f;  // the same where a file has only one
  int experts = 0, experts_used = 0, expert_ffn_width = 0;

  // The window of this layer; 0: none.
  int window_of(int layer) const { return slides.empty() || slides[static_cast<size_t>(layer)] ? window : 0; }
};

struct ModelDesc {
  std::string_view name;     // as general.architecture spells it
  std::string_view summary;  // the models it serves
  // Adds the graph of one forward step; errors stick to the builder. Of an encoder-decoder: the decoder's.
  Required<void (*)(const Hparams&, ModelBuilder&)> build;
  // Of an encoder-decoder: adds the graph that reads a source. It ends with SourceKeys (blocks/attention.h),
  // or with hidden states where the builder wants them.
  void (*build_source)(const Hparams&, ModelBuilder&) = nullptr;
  // The Hugging Face checkpoints it serves.
  std::span<const HfMapping> hf = {};
  // Attends both ways and yields hidden states: a sequence is one step, without answer tokens.
  bool encoder = false;
};

std::span<const ModelDesc* const> AllModels();
const ModelDesc* FindModel(std::string_view name);  // nullptr: none

// The keys of GGUF metadata that architectures share (<arch>.block_count, ...), each checked for its range.
Result<Hparams> ReadHparams(const Metadata& metadata, std::string_view architecture);

struct BuiltModel {
  const ModelDesc* desc = nullptr;
  Hparams hparams;
  Graph graph;  // inputs tokens, positions, output_rows; one output: logits [R, vocabulary], or of an encoder
                // its last hidden states [R, width]
  // Of an encoder-decoder: reads a source in one step, and leaves what `graph` attends to of it in KV layers
  // of both. No output.
  std::optional<Graph> source;
  std::vector<KvLayer> kv_layers;

  bool hidden_states = false;  // what it yields
  bool encoder = false;        // `graph` attends both ways: a sequence is one step
  int32_t start_token = 0;     // of an encoder-decoder's answers

  int output_width() const { return hidden_states ? hparams.width : hparams.vocabulary; }
};

// Reads metadata, checks every weight's shape, builds and verifies the graph. `checkpoint` must outlive it.
// `context`: most tokens of a sequence that will be asked for, which some kinds of RoPE go by; 0: what the
// model was trained for.
struct BuildOptions {
  int context = 0;
  bool hidden_states =
      false;  // the normed rows in front of the head, instead of logits; of an encoder-decoder, the encoder's
};
Result<BuiltModel> BuildModel(const Checkpoint& checkpoint, const BuildOptions& options = {});

}  // namespace tern
