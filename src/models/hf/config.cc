#include "models/hf/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "io/field_reader.h"
#include "models/activation.h"
#include "models/hf/rules.h"

namespace tern {
namespace {

// ReadHparams' limits, under the config's names.
constexpr int64_t kMaxLayers = 4096, kMaxHeads = 4096, kMaxHeadDim = 65536, kMaxWidth = 1 << 20;
constexpr int64_t kMaxFfnWidth = 1 << 24, kMaxContext = 1 << 30;
constexpr std::string_view kNested[] = {"text_config.", "language_config.", "llm_config."};

// "rope_parameters.rope_theta" of Transformers 5, or the older "rope_theta" and "rope_scaling.factor".
struct RopeKeys {
  std::string group;  // "rope_parameters." or "rope_scaling."

  std::string Key(std::string_view name) const { return group + std::string(name); }
};

RopeKeys FindRope(const HfConfig& c) {
  for (const std::string_view group :
       {"rope_parameters.full_attention.", "rope_parameters.", "rope_scaling."}) {
    for (const std::string_view name : {"rope_type", "type", "rope_theta"}) {
      if (c.Has(std::string(group) + std::string(name))) return {std::string(group)};
    }
  }
  return {"rope_scaling."};
}

// As the divisors that GGUF stores.
void AddLlama3Factors(HfConfig& c, const RopeKeys& rope, double base, int64_t dims) {
  const Llama3Scaling scaling{
      .factor = c.Float(rope.Key("factor"), 8),
      .low = c.Float(rope.Key("low_freq_factor"), 1),
      .high = c.Float(rope.Key("high_freq_factor"), 4),
      .context = static_cast<double>(c.Int(rope.Key("original_max_position_embeddings"), 8192))};
  std::vector<float> factors;
  for (int64_t i = 0; 2 * i < dims; ++i)
    factors.push_back(static_cast<float>(Divisor(scaling, base, dims, i)));
  c.AddTensor("rope_freqs.weight", std::move(factors));
}

std::vector<float> Floats(const HfConfig& c, const std::string& key) {
  const MetaValue* value = c.Find(key);
  if (value == nullptr) return {};
  if (const auto* doubles = std::get_if<std::vector<double>>(value))
    return {doubles->begin(), doubles->end()};
  if (const auto* ints = std::get_if<std::vector<int64_t>>(value)) return {ints->begin(), ints->end()};
  return {};
}

void ReadLongRope(HfConfig& c, const RopeKeys& rope, int64_t dims) {
  for (const std::string_view length : {"long", "short"}) {
    std::vector<float> factors = Floats(c, rope.Key(std::string(length) + "_factor"));
    const int64_t expected = (dims + 1) / 2;
    if (static_cast<int64_t>(factors.size()) != expected) {
      return c.Refuse(
          BadInput(fmt::format("config.json: {}: {} numbers, expected {}",
                               rope.Key(std::string(length) + "_factor"), factors.size(), expected)));
    }
    c.AddTensor(fmt::format("rope_factors_{}.weight", length), std::move(factors));
  }
  const int64_t context = c.Int("max_position_embeddings", 0);
  const int64_t fallback = c.Int("original_max_position_embeddings", context);
  const int64_t original = c.Int(rope.Key("original_max_position_embeddings"), fallback);
  if (original <= 1)
    return c.Refuse(BadInput("config.json: original_max_position_embeddings: expected more than 1"));
  const double factor =
      c.Float(rope.Key("factor"), static_cast<double>(context) / static_cast<double>(original));
  const double attention =
      factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(static_cast<double>(original)));
  c.Set("rope.scaling.attn_factor", c.Float(rope.Key("attention_factor"), attention));
  c.Set("rope.scaling.original_context_length", original);
}

void ReadYarn(HfConfig& c, const RopeKeys& rope) {
  const int64_t original =
      c.Int(rope.Key("original_max_position_embeddings"), c.Int("max_position_embeddings", 0));
  const double all = c.Float(rope.Key("mscale_all_dim"), 0), mscale = c.Float(rope.Key("mscale"), 0);
  const double factor = c.Float(rope.Key("factor"), 1);
  c.Set("rope.scaling.factor", factor);
  c.Set("rope.scaling.original_context_length", original);
  c.CopyFloat({rope.Key("beta_fast")}, "rope.scaling.yarn_beta_fast");
  c.CopyFloat({rope.Key("beta_slow")}, "rope.scaling.yarn_beta_slow");
  if (!c.Bool(rope.Key("truncate"), true)) c.Set("rope.scaling.yarn_truncate", false);
  const auto scale = [factor](double m) { return factor <= 1 ? 1.0 : 0.1 * m * std::log(factor) + 1; };
  const double attention = mscale != 0 && all != 0 ? scale(mscale) / scale(all) : scale(1);
  // GGUF's key comes on top of the factor that YaRN implies.
  c.Set("rope.scaling.attn_factor", c.Float(rope.Key("attention_factor"), attention) / scale(1));
}

void ReadRope(HfConfig& c, int64_t head_dim) {
  const RopeKeys rope = FindRope(c);
  const double base =
      c.Float(rope.Key("rope_theta"), c.Float("rope_theta", c.Float("rotary_emb_base", 10000)));
  double share = c.Float(rope.Key("partial_rotary_factor"), c.Float("partial_rotary_factor", 1));
  share = c.Float("rotary_pct", share);
  if (!(share > 0 && share <= 1)) {
    return c.Refuse(BadInput(fmt::format(
        "config.json: partial_rotary_factor, rotary_pct: {}, expected more than 0, to 1", share)));
  }
  const auto dims = static_cast<int64_t>(static_cast<double>(head_dim) * share);
  c.Set("rope.freq_base", base);
  c.Set("rope.dimension_count", dims);
  const std::string type = c.Str(rope.Key("rope_type"), c.Str(rope.Key("type"), "default"));
  if (type == "default") return;
  if (type == "llama3") return AddLlama3Factors(c, rope, base, dims);
  // Phi-3 has called it "su" and "yarn" before.
  if (type == "longrope" || type == "su" || c.Has(rope.Key("long_factor"))) {
    c.Set("rope.scaling.type", std::string("longrope"));
    return ReadLongRope(c, rope, dims);
  }
  c.Set("rope.scaling.type", type);
  if (type == "yarn") return ReadYarn(c, rope);
  if (type == "linear" || type == "dynamic")
    return c.Set("rope.scaling.factor", c.Float(rope.Key("factor"), 1));
  c.Refuse(Unsupported(
      fmt::format("config.json: {}: {}, supported: default, linear, dynamic, yarn, llama3, longrope",
                  rope.Key("rope_type"), Quote(type))));
}

}  // namespace

double Divisor(const Llama3Scaling& s, double base, int64_t dims, int64_t i) {
  const double power = static_cast<double>(2 * i) / static_cast<double>(dims);
  const double wavelength = 2 * std::numbers::pi * std::pow(base, power);
  if (wavelength < s.context / s.high) return 1;
  if (wavelength > s.context / s.low) return s.factor;
  const double smooth = (s.context / wavelength - s.low) / (s.high - s.low);
  return 1 / ((1 - smooth) / s.factor + smooth);
}

HfConfig::HfConfig(const Metadata& config, std::string_view architecture) : architecture_(architecture) {
  in_ = config;
  for (const std::string_view nested : kNested) {
    for (const auto& [key, value] : config.all()) {
      if (key.starts_with(nested)) in_.Set(key.substr(nested.size()), value);
    }
    for (const std::string& key : config.nulls()) {
      if (key.starts_with(nested)) in_.SetNull(std::string_view(key).substr(nested.size()));
    }
  }
}

int64_t HfConfig::Int(std::string_view key, int64_t fallback) {
  auto value = in_.Int(key, fallback);
  if (value.ok()) return value.value();
  Refuse(BadInput("config.json: " + value.error().what));
  return fallback;
}
double HfConfig::Float(std::string_view key, double fallback) {
  auto value = in_.Float(key, fallback);
  if (value.ok()) return value.value();
  Refuse(BadInput("config.json: " + value.error().what));
  return fallback;
}
bool HfConfig::Bool(std::string_view key, bool fallback) {
  if (IsNull(key)) return false;
  auto value = in_.Bool(key, fallback);
  if (value.ok()) return value.value();
  Refuse(BadInput("config.json: " + value.error().what));
  return fallback;
}
std::string HfConfig::Str(std::string_view key, std::string_view fallback) {
  auto value = in_.Str(key, fallback);
  if (value.ok()) return value.value();
  Refuse(BadInput("config.json: " + value.error().what));
  return std::string(fallback);
}

void HfConfig::Set(std::string_view key, MetaValue value) {
  out_.Set(architecture_ + "." + std::string(key), std::move(value));
}

std::string_view HfConfig::FirstOf(std::span<const std::string_view> keys) const {
  for (const std::string_view key : keys) {
    if (in_.Has(key)) return key;
  }
  return "";
}
void HfConfig::CopyInt(std::initializer_list<std::string_view> from, std::string_view to) {
  const std::string_view key = FirstOf({from.begin(), from.size()});
  if (!key.empty()) Set(to, Int(key, 0));
}
void HfConfig::CopyFloat(std::initializer_list<std::string_view> from, std::string_view to) {
  const std::string_view key = FirstOf({from.begin(), from.size()});
  if (!key.empty()) Set(to, Float(key, 0));
}
int64_t HfConfig::Size(std::string_view key, int64_t fallback, Limits limits) {
  const int64_t value = Int(key, fallback);
  if (value >= limits.low && value <= limits.high) return value;
  Refuse(
      BadInput(fmt::format("config.json: {}: {}, expected {} to {}", key, value, limits.low, limits.high)));
  return 0;
}

int64_t HfConfig::CopySize(std::initializer_list<std::string_view> from, std::string_view to, Limits limits) {
  const std::string_view key = FirstOf({from.begin(), from.size()});
  if (key.empty()) return 0;
  const int64_t value = Size(key, 0, limits);
  Set(to, value);
  return value;
}

void HfConfig::Require(std::string_view key, std::string_view from) {
  if (!IsSet(key)) Refuse(BadInput(fmt::format("config.json: {}: missing", from)));
}

std::string HfConfig::OneOf(std::string_view key, std::string_view words) {
  const std::string first(words.substr(0, words.find(' '))), word = Str(key, first);
  if (HasWord(words, word)) return word;
  Refuse(Unsupported(fmt::format("config.json: {}: {}, supported: {}", key, Quote(word), words)));
  return first;
}

void HfConfig::RefuseUnless(std::string_view key, bool supported) {
  if (Bool(key, supported) == supported) return;
  Refuse(Unsupported(fmt::format("config.json: {}: {}, supported: {}", key, !supported, supported)));
}

std::span<const std::string_view> HfConfig::ActivationKeys() {
  static constexpr std::string_view kKeys[] = {"hidden_activation", "hidden_act", "activation_function",
                                               "activation"};
  return kKeys;
}

void HfConfig::CopyActivation() {
  const std::string_view key = FirstOf(ActivationKeys());
  if (!key.empty()) Set("hidden_activation", Str(key, ""));
}

std::string HfConfig::Activation(std::string_view key, std::string_view fallback) {
  const std::string name = Str(key, fallback);
  if (const std::string_view op = ActivationOp(name); !op.empty()) return std::string(op);
  Refuse(Unsupported(fmt::format("config.json: {}: {}, supported: {}", key, Quote(name), kKnownActivations)));
  return std::string(fallback);
}

void HfConfig::ReadLayerTypes() {
  const std::vector<std::string>* types = in_.Strings("layer_types");
  std::vector<bool> slides;
  if (types == nullptr) {
    const MetaValue* value = in_.Find("sliding_window_pattern");
    const int64_t* every = value == nullptr ? nullptr : std::get_if<int64_t>(value);
    if (every == nullptr || *every < 1) return;
    const int64_t layers = std::min<int64_t>(Int("num_hidden_layers", 0), kMaxLayers);
    for (int64_t layer = 1; layer <= layers; ++layer) slides.push_back(layer % *every != 0);
    return Set("attention.sliding_window_pattern", std::move(slides));
  }
  for (const std::string& type : *types) {
    slides.push_back(type == "sliding_attention");
    if (type == "sliding_attention" || type == "full_attention") continue;
    return Refuse(Unsupported("config.json: layer_types: " + Quote(type) +
                              ", supported: full_attention, sliding_attention"));
  }
  Set("attention.sliding_window_pattern", std::move(slides));
}

void HfConfig::AddTensor(std::string name, std::vector<float> values) {
  tensors_.emplace_back(std::move(name), std::move(values));
}

void ReadSlidingRope(HfConfig& c, std::string_view older) {
  const RopeKeys rope{"rope_parameters.sliding_attention."};
  for (const std::string_view type : {"rope_type", "type"}) c.OneOf(rope.Key(type), "default");
  c.CopyFloat({rope.Key("rope_theta"), older}, "rope.freq_base_swa");
}

void ReadOptionalWindow(HfConfig& c, bool (*slides)(int64_t layer, int64_t border)) {
  if (!c.Bool("use_sliding_window", false)) return c.Set("attention.sliding_window", int64_t{0});
  if (slides == nullptr || c.Has("layer_types")) return;
  std::vector<bool> pattern;
  const int64_t layers = std::min<int64_t>(c.Int("num_hidden_layers", 0), kMaxLayers);
  const int64_t border = c.Int("max_window_layers", 28);
  for (int64_t layer = 0; layer < layers; ++layer) pattern.push_back(slides(layer, border));
  c.Set("attention.sliding_window_pattern", std::move(pattern));
}

namespace {

// Channels per head, in all and rotated, and how.
void ReadHeadDims(HfConfig& c, int64_t width, int64_t heads) {
  const int64_t usual = heads > 0 ? width / heads : 0;
  if (usual == 0 && !c.Has("head_dim")) return;  // a size is missing
  const int64_t head_dim = c.Size("head_dim", usual, {1, kMaxHeadDim});
  c.Set("attention.key_length", head_dim);
  c.Set("attention.value_length", head_dim);
  if (c.status().ok()) ReadRope(c, head_dim);
}

}  // namespace

void ReadCommonHfConfig(HfConfig& c) {
  c.CopySize({"num_hidden_layers", "n_layer", "n_layers", "num_layers"}, "block_count", {1, kMaxLayers});
  const int64_t width = c.CopySize({"hidden_size", "n_embd", "d_model"}, "embedding_length", {1, kMaxWidth});
  const int64_t heads =
      c.CopySize({"num_attention_heads", "n_head", "n_heads"}, "attention.head_count", {1, kMaxHeads});
  c.CopySize({"num_key_value_heads", "num_kv_heads", "multi_query_group_num"}, "attention.head_count_kv",
             {1, kMaxHeads});
  c.CopySize({"intermediate_size", "n_inner", "ffn_hidden_size", "d_ff"}, "feed_forward_length",
             {0, kMaxFfnWidth});
  c.CopySize({"max_position_embeddings", "n_positions", "max_seq_len", "seq_length"}, "context_length",
             {1, kMaxContext});
  c.CopyFloat({"rms_norm_eps"}, "attention.layer_norm_rms_epsilon");
  c.CopyFloat({"layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"},
              "attention.layer_norm_epsilon");
  c.CopyInt({"num_local_experts", "num_experts", "n_routed_experts"}, "expert_count");
  c.CopyInt({"num_experts_per_tok", "num_experts_per_token"}, "expert_used_count");
  c.CopyInt({"moe_intermediate_size"}, "expert_feed_forward_length");
  c.CopyInt({"shared_expert_intermediate_size"}, "expert_shared_feed_forward_length");
  if (c.Bool("use_sliding_window", true) && c.Int("sliding_window", 0) > 0) {
    c.CopyInt({"sliding_window"}, "attention.sliding_window");
    c.ReadLayerTypes();
  }
  ReadHeadDims(c, width, heads);
  c.CopyActivation();
}

void RequireCommonHfConfig(HfConfig& c, double norm_eps) {
  constexpr std::string_view kEps = "attention.layer_norm_epsilon", kRms = "attention.layer_norm_rms_epsilon";
  if (!c.IsSet(kEps) && !c.IsSet(kRms)) {
    c.Set(kEps, norm_eps);
    c.Set(kRms, norm_eps);
  }
  c.Require("block_count", "num_hidden_layers");
  c.Require("embedding_length", "hidden_size");
  c.Require("attention.head_count", "num_attention_heads");
  c.Require("context_length", "max_position_embeddings");
}

void ReadLabels(HfConfig& c) {
  std::vector<std::string> labels;
  while (c.Has(fmt::format("id2label.{}", labels.size()))) {
    labels.push_back(c.Str(fmt::format("id2label.{}", labels.size()), ""));
  }
  if (!labels.empty()) c.Set("classifier.output_labels", std::move(labels));
  const std::string problem = c.Str("problem_type", "");
  if (problem == "multi_label_classification") c.Set("classifier.multi_label", true);
  if (problem == "regression") c.Set("classifier.regression", true);
}

}  // namespace tern
