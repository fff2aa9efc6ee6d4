#pragma once
// ModelDesc: which ops, with which weights, make an architecture. One constant per models/<name>.cc, written
// from blocks/, and one line in models.list.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "graph/graph.h"
#include "io/checkpoint.h"
#include "ops/kv_store.h"

namespace tern {

class ModelBuilder;

// What every decoder has. Read from metadata and checked before any weight is touched.
struct Hparams {
  int layers = 0;
  int width = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int ffn_width = 0;
  int vocabulary = 0;
  int context = 0;    // tokens the model was trained for
  int window = 0;     // sliding attention window; 0: none
  int rope_dims = 0;  // rotated channels per head
  float rope_base = 10000.f;
  float rope_linear_factor = 1.f;  // positions are divided by it
  float norm_eps = 1e-5f;
};

struct ModelDesc {
  std::string_view name;     // as general.architecture spells it
  std::string_view summary;  // the models it serves
  Required<Result<Hparams> (*)(const Metadata&)> read_hparams;
  // Adds the graph of one forward step; errors stick to the builder.
  Required<void (*)(const Hparams&, ModelBuilder&)> build;
};

std::span<const ModelDesc* const> AllModels();
const ModelDesc* FindModel(std::string_view name);  // nullptr: none

// The common keys of GGUF metadata (<arch>.block_count, ...), each checked for its range.
Result<Hparams> ReadCommonHparams(const Metadata& metadata, std::string_view architecture);

struct BuiltModel {
  const ModelDesc* desc = nullptr;
  Hparams hparams;
  Graph graph;  // inputs tokens, positions, output_rows; one output, logits [R, vocabulary]
  std::vector<KvLayer> kv_layers;
};

// Reads metadata, checks every weight's shape, builds and verifies the graph. `checkpoint` must outlive it.
Result<BuiltModel> BuildModel(const Checkpoint& checkpoint);

}  // namespace tern
