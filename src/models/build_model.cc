#include <fmt/format.h>

#include "models/builder.h"
#include "models/model.h"

namespace tern {

#define MODEL(id) extern const ModelDesc k_model_##id;
#include "models/models.list"
#undef MODEL

std::span<const ModelDesc* const> AllModels() {
  static constexpr const ModelDesc* kAll[] = {
#define MODEL(id) &k_model_##id,
#include "models/models.list"
#undef MODEL
  };
  return kAll;
}

const ModelDesc* FindModel(std::string_view name) {
  for (const ModelDesc* model : AllModels()) {
    if (model->name == name) return model;
  }
  return nullptr;
}

namespace {

// An integer key within [low, high].
Result<int> ReadInt(const Metadata& metadata, const std::string& key, int low, int high) {
  TERN_TRY(const int64_t value, metadata.Int(key));
  if (value < low || value > high) {
    return BadInput(fmt::format("{}: {}, expected {} to {}", key, value, low, high));
  }
  return static_cast<int>(value);
}

Result<int> ReadIntOr(const Metadata& metadata, const std::string& key, int low, int high, int fallback) {
  return metadata.Has(key) ? ReadInt(metadata, key, low, high) : Result<int>(fallback);
}

Result<float> ReadPositive(const Metadata& metadata, const std::string& key, double fallback) {
  TERN_TRY(const double value, metadata.Float(key, fallback));
  if (!(value > 0 && value < 1e12))
    return BadInput(fmt::format("{}: {}, expected a positive number", key, value));
  return static_cast<float>(value);
}

// Vocabulary size: how many rows the embedding has; the tokenizer may list fewer.
Result<int> Vocabulary(const Checkpoint& checkpoint) {
  const Tensor* table = checkpoint.Find("token_embd.weight");
  if (table == nullptr) return BadInput("token_embd.weight: missing: the file holds no model weights");
  if (table->shape.size() != 2 || table->rows() > (1 << 24)) {
    return BadInput("token_embd.weight: shape " + ToString(table->shape) + ", expected [vocabulary, width]");
  }
  return static_cast<int>(table->rows());
}

}  // namespace

Result<Hparams> ReadCommonHparams(const Metadata& metadata, std::string_view architecture) {
  const std::string arch(architecture);
  constexpr int kMax = 1 << 20;
  Hparams h;
  TERN_TRY(h.layers, ReadInt(metadata, arch + ".block_count", 1, 4096));
  TERN_TRY(h.width, ReadInt(metadata, arch + ".embedding_length", 1, kMax));
  TERN_TRY(h.heads, ReadInt(metadata, arch + ".attention.head_count", 1, 4096));
  TERN_TRY(h.kv_heads, ReadIntOr(metadata, arch + ".attention.head_count_kv", 1, 4096, h.heads));
  TERN_TRY(h.head_dim, ReadIntOr(metadata, arch + ".attention.key_length", 1, 65536, h.width / h.heads));
  TERN_TRY(h.ffn_width, ReadInt(metadata, arch + ".feed_forward_length", 1, kMax * 16));
  TERN_TRY(h.context, ReadInt(metadata, arch + ".context_length", 1, 1 << 30));
  TERN_TRY(h.window, ReadIntOr(metadata, arch + ".attention.sliding_window", 0, 1 << 30, 0));
  TERN_TRY(h.rope_dims, ReadIntOr(metadata, arch + ".rope.dimension_count", 2, 65536, h.head_dim));
  TERN_TRY(h.rope_base, ReadPositive(metadata, arch + ".rope.freq_base", 10000.0));
  TERN_TRY(h.norm_eps, ReadPositive(metadata, arch + ".attention.layer_norm_rms_epsilon", 1e-5));
  TERN_TRY(const std::string scaling, metadata.Str(arch + ".rope.scaling.type", "none"));
  if (scaling == "linear") {
    TERN_TRY(h.rope_linear_factor, ReadPositive(metadata, arch + ".rope.scaling.factor", 1.0));
  } else if (scaling != "none") {
    return Unsupported(arch + ".rope.scaling.type: \"" + scaling + "\", expected none or linear");
  }
  if (h.heads % h.kv_heads != 0) {
    return BadInput(fmt::format("{}.attention.head_count_kv: {}, expected a divisor of {} heads", arch,
                                h.kv_heads, h.heads));
  }
  if (h.rope_dims % 2 != 0 || h.rope_dims > h.head_dim) {
    return BadInput(fmt::format("{}.rope.dimension_count: {}, expected an even number up to {}", arch,
                                h.rope_dims, h.head_dim));
  }
  return h;
}

Result<BuiltModel> BuildModel(const Checkpoint& checkpoint) {
  TERN_TRY(const std::string architecture, checkpoint.metadata().Str("general.architecture"));
  BuiltModel model;
  model.desc = FindModel(architecture);
  if (model.desc == nullptr) {
    std::string known;
    for (const ModelDesc* desc : AllModels()) known += (known.empty() ? "" : ", ") + std::string(desc->name);
    return Unsupported("general.architecture: \"" + architecture + "\", expected one of " + known);
  }
  TERN_TRY(model.hparams, model.desc->read_hparams(checkpoint.metadata()));
  TERN_TRY(model.hparams.vocabulary, Vocabulary(checkpoint));
  ModelBuilder builder(checkpoint, model.graph);
  model.desc->build(model.hparams, builder);
  TERN_TRY_STATUS(builder.status());
  model.kv_layers = builder.kv_layers();
  TERN_TRY_STATUS(Verify(model.graph));
  return model;
}

}  // namespace tern
