#include <fmt/format.h>

#include <cmath>

#include "models/activation.h"
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

// Text of a file in a message: not all of a long one.
std::string Shown(const std::string& text) {
  constexpr size_t kShown = 40;
  return text.size() > kShown ? fmt::format("\"{}...\"", text.substr(0, kShown))
                              : fmt::format("\"{}\"", text);
}

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

// A number within [low, high]. NaN is in no range.
Result<float> ReadNumber(const Metadata& metadata, const std::string& key, double low, double high,
                         double fallback) {
  TERN_TRY(const double value, metadata.Float(key, fallback));
  if (value >= low && value <= high) return static_cast<float>(value);
  return BadInput(fmt::format("{}: {}, expected {:g} to {:g}", key, value, low, high));
}

// Vocabulary size: how many rows the embedding has; the tokenizer may list fewer.
Result<int> Vocabulary(const Checkpoint& checkpoint) {
  const Tensor* table = checkpoint.Find("token_embd.weight");
  if (table == nullptr)
    return BadInput(checkpoint.Shown("token_embd.weight") + ": missing: the file holds no model weights");
  if (table->shape.size() != 2 || table->rows() < 1 || table->rows() > (1 << 24)) {
    return BadInput(checkpoint.Shown("token_embd.weight") + ": shape " + ToString(table->shape) +
                    ", expected [vocabulary, width]");
  }
  return static_cast<int>(table->rows());
}

Status ReadHeads(const Metadata& metadata, const std::string& arch, Hparams& h) {
  TERN_TRY(h.heads, ReadInt(metadata, arch + ".attention.head_count", 1, 4096));
  TERN_TRY(h.kv_heads, ReadIntOr(metadata, arch + ".attention.head_count_kv", 1, 4096, h.heads));
  if (h.heads % h.kv_heads != 0) {
    return BadInput(fmt::format("{}.attention.head_count_kv: {}, expected a divisor of {} heads", arch,
                                h.kv_heads, h.heads));
  }
  const std::string key_length = arch + ".attention.key_length";
  if (!metadata.Has(key_length) && h.width % h.heads != 0) {
    return BadInput(fmt::format("{}.attention.head_count: {}, expected a divisor of the width {}, or {}",
                                arch, h.heads, h.width, key_length));
  }
  TERN_TRY(h.head_dim, ReadIntOr(metadata, key_length, 1, 65536, h.width / h.heads));
  const double usual = 1 / std::sqrt(static_cast<double>(h.head_dim));
  TERN_TRY(h.attention_scale, ReadNumber(metadata, arch + ".attention.scale", 1e-9, 1e9, usual));
  return {};
}

// A factor without a type is linear, and old files have a key of their own for it, as llama.cpp reads them.
Status ReadRopeScaling(const Metadata& metadata, const std::string& arch, Hparams& h) {
  RopeScaling& s = h.rope_scaling;
  const std::string scaling = arch + ".rope.scaling.", old_factor = arch + ".rope.scale_linear";
  const std::string factor =
      !metadata.Has(scaling + "factor") && metadata.Has(old_factor) ? old_factor : scaling + "factor";
  TERN_TRY(s.type, metadata.Str(scaling + "type", metadata.Has(factor) ? "linear" : "none"));
  if (s.type != "none" && s.type != "linear" && s.type != "dynamic" && s.type != "yarn" &&
      s.type != "longrope") {
    return Unsupported(
        fmt::format("{}type: {}, supported: none, linear, dynamic, yarn, longrope", scaling, Shown(s.type)));
  }
  TERN_TRY(s.factor, ReadNumber(metadata, factor, 1e-3, 1e6, 1.0));
  TERN_TRY(s.original_context,
           ReadIntOr(metadata, scaling + "original_context_length", 1, 1 << 30, h.context));
  // YaRN implies a factor of its own; the key says what comes on top.
  const double yarn = s.type == "yarn" && s.factor > 1 ? 0.1 * std::log(double{s.factor}) + 1 : 1.0;
  TERN_TRY(const float on_top, ReadNumber(metadata, scaling + "attn_factor", 1e-3, 1e3, 1.0));
  s.attention_factor = static_cast<float>(on_top * yarn);
  TERN_TRY(s.beta_fast, ReadNumber(metadata, scaling + "yarn_beta_fast", 1e-3, 1e6, 32.0));
  TERN_TRY(s.beta_slow, ReadNumber(metadata, scaling + "yarn_beta_slow", 1e-3, 1e6, 1.0));
  TERN_TRY(s.truncate, metadata.Bool(scaling + "yarn_truncate", true));
  TERN_TRY(s.log_multiplier, ReadNumber(metadata, scaling + "yarn_log_multiplier", -100, 100, 0.0));
  return {};
}

Status ReadRope(const Metadata& metadata, const std::string& arch, Hparams& h) {
  TERN_TRY(h.rope_dims, ReadIntOr(metadata, arch + ".rope.dimension_count", 1, 65536, h.head_dim));
  TERN_TRY(h.rope_base, ReadNumber(metadata, arch + ".rope.freq_base", 2, 1e12, 10000.0));
  if (h.rope_dims > h.head_dim) {
    return BadInput(fmt::format("{}.rope.dimension_count: {}, expected at most the {} channels of a head",
                                arch, h.rope_dims, h.head_dim));
  }
  return ReadRopeScaling(metadata, arch, h);
}

Status ReadWindow(const Metadata& metadata, const std::string& arch, Hparams& h) {
  TERN_TRY(h.window, ReadIntOr(metadata, arch + ".attention.sliding_window", 0, 1 << 30, 0));
  const std::string key = arch + ".attention.sliding_window_pattern";
  const MetaValue* pattern = metadata.Find(key);
  if (pattern == nullptr) return {};
  const auto* slides = std::get_if<std::vector<bool>>(pattern);
  if (slides == nullptr) return {};  // a period, which the architecture knows
  if (static_cast<int>(slides->size()) < h.layers) {
    return BadInput(fmt::format("{}: {} entries, expected {}", key, slides->size(), h.layers));
  }
  h.slides = *slides;
  return {};
}

Status ReadExperts(const Metadata& metadata, const std::string& arch, Hparams& h) {
  TERN_TRY(h.experts, ReadIntOr(metadata, arch + ".expert_count", 0, 1 << 16, 0));
  if (h.experts == 0) return {};
  TERN_TRY(h.experts_used, ReadInt(metadata, arch + ".expert_used_count", 1, h.experts));
  TERN_TRY(h.expert_ffn_width,
           ReadIntOr(metadata, arch + ".expert_feed_forward_length", 1, 1 << 24, h.ffn_width));
  return {};
}

Status ReadNormEps(const Metadata& metadata, const std::string& prefix, Hparams& h) {
  const std::string layer = prefix + "layer_norm_epsilon";
  TERN_TRY(h.layer_norm_eps, ReadNumber(metadata, layer, 1e-20, 1, 1e-5));
  TERN_TRY(h.rms_norm_eps,
           ReadNumber(metadata, prefix + "layer_norm_rms_epsilon", 1e-20, 1, h.layer_norm_eps));
  if (!metadata.Has(layer)) h.layer_norm_eps = h.rms_norm_eps;
  return {};
}

}  // namespace

Result<Hparams> ReadHparams(const Metadata& metadata, std::string_view architecture) {
  const std::string arch(architecture);
  constexpr int kMax = 1 << 20;
  Hparams h;
  TERN_TRY(h.layers, ReadInt(metadata, arch + ".block_count", 1, 4096));
  TERN_TRY(h.guessing_layers, ReadIntOr(metadata, arch + ".nextn_predict_layers", 0, h.layers - 1, 0));
  h.layers -= h.guessing_layers;
  TERN_TRY(h.width, ReadInt(metadata, arch + ".embedding_length", 1, kMax));
  TERN_TRY(h.ffn_width, ReadIntOr(metadata, arch + ".feed_forward_length", 0, kMax * 16, 0));
  TERN_TRY(h.context, ReadInt(metadata, arch + ".context_length", 1, 1 << 30));
  TERN_TRY_STATUS(ReadNormEps(metadata, arch + ".attention.", h));
  TERN_TRY_STATUS(ReadHeads(metadata, arch, h));
  TERN_TRY_STATUS(ReadRope(metadata, arch, h));
  TERN_TRY_STATUS(ReadWindow(metadata, arch, h));
  TERN_TRY_STATUS(ReadExperts(metadata, arch, h));
  return h;
}

namespace {

Result<const ModelDesc*> FindDesc(const Metadata& metadata) {
  TERN_TRY(const std::string architecture, metadata.Str("general.architecture"));
  if (const ModelDesc* desc = FindModel(architecture)) return desc;
  std::string known;
  for (const ModelDesc* desc : AllModels()) known += (known.empty() ? "" : ", ") + std::string(desc->name);
  return Unsupported(fmt::format("general.architecture: {}, supported: {}", Shown(architecture), known));
}

// "blk.3.attn_q.weight", "enc.blk.3.attn_q.weight"
bool IsOfLayer(std::string_view name) {
  return name.starts_with("blk.") || name.starts_with("enc.blk.") || name.starts_with("dec.blk.");
}

// "cls.output.bias", "dense_2.bias": of what an encoder's rows are read with (engine/text_encoder.h).
bool IsBehindPooling(std::string_view name) { return name.starts_with("cls.") || name.starts_with("dense_"); }

// "blk.61.": of a layer that guesses further tokens.
bool IsOfGuessingLayer(std::string_view name, const Hparams& h) {
  for (int i = 0; i < h.guessing_layers; ++i) {
    if (name.starts_with("blk." + std::to_string(h.layers + i) + ".")) return true;
  }
  return false;
}

// What the graph of a layer leaves out would pass unseen: the answers would merely be wrong.
Status CheckLayersUsed(const Checkpoint& checkpoint, const ModelBuilder& builder, const BuiltModel& model) {
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    const bool of_layer =
        IsOfLayer(name) || IsWeightPart(name) || (name.ends_with(".bias") && !IsBehindPooling(name));
    if (!of_layer || builder.used().contains(name) || IsOfGuessingLayer(name, model.hparams)) continue;
    if (model.encoder && name.starts_with("dec.")) continue;
    if (name.ends_with(".input_scale")) continue;  // of NVFP4 activations, which nothing here makes
    return Unsupported(fmt::format("{}: shape {}, expected no such tensor in a {} model of {} layers",
                                   checkpoint.Shown(name), ToString(tensor.shape), model.desc->name,
                                   model.hparams.layers));
  }
  return {};
}

// Nor would another activation than the model's own.
Status CheckActivationUsed(const Metadata& metadata, std::string_view architecture, const Graph& graph) {
  const std::string key = std::string(architecture) + ".hidden_activation";
  TERN_TRY(const std::string name, metadata.Str(key, ""));
  const std::string_view op = ActivationOp(name);
  bool used = name.empty(), other = false;
  for (const Node& node : graph.nodes()) {
    const std::string_view act = node.op->name == "moe_mlp" ? node.attrs.Str("act") : "";
    used = used || node.op->name == op || act == op;
    other = other || (!name.empty() && !act.empty() && act != op);
  }
  if (used && !other) return {};
  return Unsupported(fmt::format("{}: \"{}\": this architecture has another activation", key, name));
}

}  // namespace

namespace {

using BuildFn = void (*)(const Hparams&, ModelBuilder&);

// One graph more, behind what `before` has built.
Result<ModelBuilder> BuildGraph(const Checkpoint& checkpoint, BuiltModel& model, BuildFn build, Graph& graph,
                                const ModelBuilder* before) {
  ModelBuilder builder(checkpoint, model.desc->name, graph, before);
  if (model.hidden_states) builder.WantHiddenStates();
  build(model.hparams, builder);
  TERN_TRY_STATUS(builder.status());
  TERN_TRY_STATUS(Verify(graph));
  return builder;
}

Result<ModelBuilder> BuildGraphs(const Checkpoint& checkpoint, BuiltModel& model) {
  const BuildFn build = model.desc->build, build_source = model.desc->build_source;
  if (build_source == nullptr) return BuildGraph(checkpoint, model, build, model.graph, nullptr);
  if (model.encoder) return BuildGraph(checkpoint, model, build_source, model.graph, nullptr);
  TERN_TRY(model.start_token,
           ReadIntOr(checkpoint.metadata(), std::string(model.desc->name) + ".decoder_start_token_id", 0,
                     model.hparams.vocabulary - 1, 0));
  TERN_TRY(const ModelBuilder source,
           BuildGraph(checkpoint, model, build_source, model.source.emplace(), nullptr));
  return BuildGraph(checkpoint, model, build, model.graph, &source);
}

}  // namespace

Result<BuiltModel> BuildModel(const Checkpoint& checkpoint, const BuildOptions& options) {
  BuiltModel model;
  TERN_TRY(model.desc, FindDesc(checkpoint.metadata()));
  TERN_TRY(model.hparams, ReadHparams(checkpoint.metadata(), model.desc->name));
  TERN_TRY(model.hparams.vocabulary, Vocabulary(checkpoint));
  model.hparams.run_context = options.context > 0 ? options.context : model.hparams.context;
  model.hidden_states = options.hidden_states || model.desc->encoder;
  model.encoder = model.desc->encoder || (model.hidden_states && model.desc->build_source != nullptr);
  TERN_TRY(const ModelBuilder builder, BuildGraphs(checkpoint, model));
  TERN_TRY_STATUS(CheckActivationUsed(checkpoint.metadata(), model.desc->name, model.graph));
  TERN_TRY_STATUS(CheckLayersUsed(checkpoint, builder, model));
  model.kv_layers = builder.kv_layers();
  return model;
}

}  // namespace tern
