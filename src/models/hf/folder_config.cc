#include "models/hf/folder_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "models/hf/config.h"
#include "models/hf/rules.h"

namespace tern {
namespace {

namespace json = boost::json;

// What is known of one checkpoint while its config is written.
struct Describing {
  const Checkpoint& checkpoint;
  const std::string& architecture;
  const Hparams& h;
  json::object& out;

  std::string Key(std::string_view key) const { return architecture + "." + std::string(key); }
  double Float(std::string_view key, double fallback) const {
    const auto value = checkpoint.metadata().Float(Key(key), fallback);
    return value.ok() ? value.value() : fallback;
  }
  bool HasTensor(std::string_view name) const { return checkpoint.Find(name) != nullptr; }
};

// A float as the shortest number that gives it: 1e-5, not 9.99999974e-06.
double Short(double x) { return std::strtod(fmt::format("{}", static_cast<float>(x)).c_str(), nullptr); }

void SetIf(bool condition, json::object& out, std::string_view key, json::value value) {
  if (condition) out[key] = std::move(value);
}

void AddMoe(Describing& d) {
  d.out["num_experts_per_tok"] = d.h.experts_used;
  d.out["router_aux_loss_coef"] = 0.001;
  d.out["output_router_logits"] = false;
}

void AddLlama(Describing& d) {
  d.out["attention_bias"] = d.HasTensor("blk.0.attn_q.bias");
  d.out["mlp_bias"] = d.HasTensor("blk.0.ffn_gate.bias");
}

void AddMistral(Describing& d) {
  d.out["sliding_window"] = d.h.window > 0 ? json::value(d.h.window) : nullptr;
}

void AddMixtral(Describing& d) {
  AddMoe(d);
  AddMistral(d);
  d.out["num_local_experts"] = d.h.experts;
  SetIf(d.h.ffn_width == 0, d.out, "intermediate_size", d.h.expert_ffn_width);
}

// Which layers slide, where the file does not say: all but every n-th.
void AddLayerTypes(Describing& d, int global_every) {
  json::array types;
  for (int layer = 0; layer < d.h.layers; ++layer) {
    const bool slides =
        d.h.slides.empty() ? (layer + 1) % global_every != 0 : d.h.slides[static_cast<size_t>(layer)];
    types.emplace_back(slides ? "sliding_attention" : "full_attention");
  }
  d.out["layer_types"] = types;
}

void AddOptionalWindow(Describing& d) {
  d.out["use_sliding_window"] = d.h.window > 0;
  d.out["sliding_window"] = d.h.window > 0 ? json::value(d.h.window) : nullptr;
}

void AddQwen2(Describing& d) {
  AddOptionalWindow(d);
  if (d.h.window > 0) AddLayerTypes(d, d.h.layers + 1);
}

void AddQwen3(Describing& d) {
  AddQwen2(d);
  d.out["attention_bias"] = d.HasTensor("blk.0.attn_q.bias");
}

// The class has one window for all layers.
void AddQwen3Moe(Describing& d) {
  AddOptionalWindow(d);
  d.out["attention_bias"] = d.HasTensor("blk.0.attn_q.bias");
  AddMoe(d);
  d.out["num_experts"] = d.h.experts;
  d.out["moe_intermediate_size"] = d.h.expert_ffn_width;
  d.out["decoder_sparse_step"] = 1;
  const auto norm = d.checkpoint.metadata().Bool(d.Key("expert_weights_norm"), true);
  d.out["norm_topk_prob"] = !norm.ok() || norm.value();
  json::array dense;
  for (int layer = 0; layer < d.h.layers; ++layer) {
    if (!d.HasTensor(fmt::format("blk.{}.ffn_gate_inp.weight", layer))) dense.emplace_back(layer);
  }
  d.out["mlp_only_layers"] = dense;
  SetIf(d.h.ffn_width == 0, d.out, "intermediate_size", d.h.expert_ffn_width);
}

void AddGemma(Describing& d) {
  d.out["hidden_act"] = "gelu_pytorch_tanh";
  d.out["hidden_activation"] = "gelu_pytorch_tanh";
  d.out["attention_bias"] = d.HasTensor("blk.0.attn_q.bias");
}

// Queries are scaled by this number's inverse root: head_dim, but in the largest of each.
void AddQueryScale(Describing& d, int layers_of_largest) {
  const int usual = d.h.layers == layers_of_largest ? d.h.width / d.h.heads : d.h.head_dim;
  const double scale = d.Float("attention.scale", 0);
  d.out["query_pre_attn_scalar"] = scale > 0 ? static_cast<int64_t>(std::lround(1 / (scale * scale))) : usual;
}

void AddGemma2(Describing& d) {
  AddGemma(d);
  AddQueryScale(d, 46);
  AddLayerTypes(d, 2);
  const auto cap = [&](const char* key, double usual) {
    const double value = d.Float(key, usual);
    d.out[key] = value > 0 ? json::value(Short(value)) : nullptr;
  };
  cap("attn_logit_softcapping", 50);
  cap("final_logit_softcapping", 30);
  d.out["sliding_window"] = d.h.window > 0 ? d.h.window : 4096;
}

void AddGemma3(Describing& d) {
  AddGemma(d);
  AddQueryScale(d, 62);
  AddLayerTypes(d, 6);
  const double cap = d.Float("final_logit_softcapping", 0);
  d.out["attn_logit_softcapping"] = nullptr;
  d.out["final_logit_softcapping"] = cap > 0 ? json::value(Short(cap)) : nullptr;
  d.out["sliding_window"] = d.h.window;
  const double local = Short(d.Float("rope.freq_base_swa", 10000));
  d.out["rope_local_base_freq"] = local;
}

void AddPhi3(Describing& d) {
  d.out["original_max_position_embeddings"] = d.h.context;
  d.out["sliding_window"] = d.h.window > 0 ? json::value(d.h.window) : nullptr;
}

constexpr std::string_view kNoBiases, kQkvBiases = "attn_q attn_k attn_v";
constexpr std::string_view kAttentionBiases = "attn_q attn_k attn_v attn_output";
constexpr std::string_view kAllBiases = "attn_q attn_k attn_v attn_output ffn_gate ffn_up ffn_down";

// A class of Transformers. What it cannot compute, its own reader would leave out without a word.
struct Writer {
  std::string_view architecture, class_name, model_type;
  bool (*fits)(const Hparams&);
  void (*add)(Describing&);
  std::string_view biases;  // tensors of a layer that may have one
  bool rotates_partly = false;
};

bool Always(const Hparams&) { return true; }
bool HasExperts(const Hparams& h) { return h.experts > 0; }
bool HasWindow(const Hparams& h) { return h.window > 0; }

constexpr Writer kWriters[] = {
    {"llama", "MixtralForCausalLM", "mixtral", HasExperts, AddMixtral, kNoBiases},
    {"llama", "MistralForCausalLM", "mistral", HasWindow, AddMistral, kNoBiases},
    {"llama", "LlamaForCausalLM", "llama", Always, AddLlama, kAllBiases},
    {"qwen2", "Qwen2ForCausalLM", "qwen2", Always, AddQwen2, kQkvBiases},
    {"qwen3", "Qwen3ForCausalLM", "qwen3", Always, AddQwen3, kAttentionBiases},
    {"qwen3moe", "Qwen3MoeForCausalLM", "qwen3_moe", Always, AddQwen3Moe, kAttentionBiases},
    {"gemma", "GemmaForCausalLM", "gemma", Always, AddGemma, kAttentionBiases},
    {"gemma2", "Gemma2ForCausalLM", "gemma2", Always, AddGemma2, kAttentionBiases},
    {"gemma3", "Gemma3ForCausalLM", "gemma3_text", Always, AddGemma3, kAttentionBiases},
    {"phi3", "Phi3ForCausalLM", "phi3", Always, AddPhi3, kNoBiases, true},
};

Status CheckClass(const Describing& d, const Writer& writer) {
  if (d.h.rope_dims != d.h.head_dim && !writer.rotates_partly) {
    return Unsupported(fmt::format("{}: {} of the {} of a head, {} rotates all of them",
                                   d.Key("rope.dimension_count"), d.h.rope_dims, d.h.head_dim,
                                   writer.class_name));
  }
  for (const auto& [name, tensor] : d.checkpoint.tensors()) {
    std::string_view part = name;  // "blk.3.attn_q.bias"
    if (!part.starts_with("blk.") || !part.ends_with(".bias")) continue;
    part.remove_suffix(5);
    part.remove_prefix(part.rfind('.') + 1);
    if (!HasWord(writer.biases, part)) {
      return Unsupported(fmt::format("{}: {} has no such tensor", name, writer.class_name));
    }
  }
  return {};
}

bool AreDivisors(std::span<const float> divisors, const Hparams& h, const Llama3Scaling& scaling) {
  for (size_t i = 0; i < divisors.size(); ++i) {
    const double divisor = Divisor(scaling, h.rope_base, h.rope_dims, static_cast<int64_t>(i));
    if (!(std::fabs(divisor - static_cast<double>(divisors[i])) <= 1e-5 * divisor)) return false;
  }
  return true;
}

// Llama 3.1's divisors, of which GGUF has the numbers but not what they come from: usual settings are tried.
Status AddLlama3Scaling(Describing& d) {
  const Tensor* table = d.checkpoint.Find("rope_freqs.weight");
  if (table == nullptr) return {};
  const std::vector<float> divisors = DecodeAll(*table);
  for (int factor = 2; factor <= 64; factor *= 2) {
    for (int context = 8; context <= 1 << 20; context += context < 64 ? 8 : context) {
      const Llama3Scaling scaling{.factor = static_cast<double>(factor),
                                  .context = static_cast<double>(context)};
      if (!AreDivisors(divisors, d.h, scaling)) continue;
      d.out["rope_scaling"] = {{"rope_type", "llama3"},
                               {"factor", scaling.factor},
                               {"low_freq_factor", scaling.low},
                               {"high_freq_factor", scaling.high},
                               {"original_max_position_embeddings", context}};
      return {};
    }
  }
  return Unsupported("rope_freqs.weight: other numbers than a Llama's, which config.json cannot say");
}

Status AddRope(Describing& d) {
  const RopeScaling& scaling = d.h.rope_scaling;
  d.out["rope_theta"] = Short(d.h.rope_base);
  d.out["rope_scaling"] = nullptr;
  if (d.h.rope_dims != d.h.head_dim)
    d.out["partial_rotary_factor"] = static_cast<double>(d.h.rope_dims) / d.h.head_dim;
  if (scaling.type == "linear" || scaling.type == "dynamic") {
    d.out["rope_scaling"] = {{"rope_type", scaling.type}, {"factor", Short(scaling.factor)}};
  } else if (scaling.type == "yarn") {
    d.out["rope_scaling"] = {{"rope_type", "yarn"},
                             {"factor", Short(scaling.factor)},
                             {"original_max_position_embeddings", scaling.original_context},
                             {"beta_fast", Short(scaling.beta_fast)},
                             {"beta_slow", Short(scaling.beta_slow)},
                             {"attention_factor", Short(scaling.attention_factor)}};
  } else if (scaling.type != "none") {
    return Unsupported(
        fmt::format("rope.scaling.type: {}, supported: none, linear, dynamic, yarn", scaling.type));
  }
  return AddLlama3Scaling(d);
}

void AddCommon(Describing& d, const Writer& writer) {
  const Hparams& h = d.h;
  d.out["architectures"] = json::array{writer.class_name};
  d.out["model_type"] = writer.model_type;
  d.out["hidden_size"] = h.width;
  d.out["intermediate_size"] = h.ffn_width;
  d.out["num_hidden_layers"] = h.layers;
  d.out["num_attention_heads"] = h.heads;
  d.out["num_key_value_heads"] = h.kv_heads;
  d.out["head_dim"] = h.head_dim;
  d.out["hidden_act"] = "silu";
  d.out["max_position_embeddings"] = h.context;
  d.out["rms_norm_eps"] = Short(h.rms_norm_eps);
  d.out["vocab_size"] = d.checkpoint.Find("token_embd.weight")->rows();
  d.out["tie_word_embeddings"] = !d.HasTensor("output.weight");
  for (const auto& [key, name] :
       {std::pair("bos", "bos_token_id"), {"eos", "eos_token_id"}, {"padding", "pad_token_id"}}) {
    const auto id = d.checkpoint.metadata().Int(fmt::format("tokenizer.ggml.{}_token_id", key));
    d.out[name] = id.ok() ? json::value(id.value()) : nullptr;
  }
}

const HfMapping* MappingOf(const ModelDesc& desc, std::string_view class_name) {
  for (const HfMapping& mapping : desc.hf) {
    if (HasWord(mapping.classes, class_name)) return &mapping;
  }
  return nullptr;
}

bool SameNumber(double a, double b) { return a == b || std::fabs(a - b) <= 1e-6 * std::fabs(a); }

bool SameAttr(const AttrValue& a, const AttrValue& b) {
  const double *x = std::get_if<double>(&a), *y = std::get_if<double>(&b);
  return x != nullptr && y != nullptr ? SameNumber(*x, *y) : a == b;
}

bool SameAttrs(const Attrs& a, const Attrs& b) {
  return std::equal(
      a.all().begin(), a.all().end(), b.all().begin(), b.all().end(),
      [](const auto& x, const auto& y) { return x.first == y.first && SameAttr(x.second, y.second); });
}

// Tables that were made of metadata.
bool SameTable(const Value& a, const Value& b) {
  if (!a.name.starts_with("rope_")) return true;
  const std::vector<float> x = DecodeAll(a.tensor()), y = DecodeAll(b.tensor());
  return std::ranges::equal(x, y, [](float p, float q) { return std::fabs(p - q) <= 1e-4f * std::fabs(p); });
}

}  // namespace

Result<FolderConfig> DescribeAsFolder(const Checkpoint& checkpoint) {
  TERN_TRY(const std::string architecture, checkpoint.metadata().Str("general.architecture"));
  TERN_TRY(const BuiltModel built, BuildModel(checkpoint));
  std::string known;
  for (const Writer& writer : kWriters) {
    if (writer.architecture == architecture && writer.fits(built.hparams)) {
      FolderConfig made{{}, MappingOf(*built.desc, writer.class_name)};
      TERN_CHECK(made.mapping != nullptr);
      Describing d{checkpoint, architecture, built.hparams, made.config};
      TERN_TRY_STATUS(CheckClass(d, writer));
      AddCommon(d, writer);
      TERN_TRY_STATUS(AddRope(d));
      writer.add(d);
      return made;
    }
    if (!HasWord(known, writer.architecture))
      known += (known.empty() ? "" : " ") + std::string(writer.architecture);
  }
  return Unsupported(
      fmt::format("general.architecture: {}, supported as a Hugging Face folder: {}", architecture, known));
}

Status SameGraph(const BuiltModel& a, const BuiltModel& b) {
  const auto &x = a.graph.nodes(), &y = b.graph.nodes();
  for (size_t i = 0; i < std::max(x.size(), y.size()); ++i) {
    const bool same = i < x.size() && i < y.size() && x[i].op == y[i].op &&
                      x[i].inputs.size() == y[i].inputs.size() && SameAttrs(x[i].attrs, y[i].attrs);
    bool same_inputs = same;
    for (size_t j = 0; same && j < x[i].inputs.size(); ++j) {
      const Value &p = a.graph.value(x[i].inputs[j]), &q = b.graph.value(y[i].inputs[j]);
      same_inputs = same_inputs && p.is_weight() == q.is_weight() && p.type.shape == q.type.shape &&
                    (!p.is_weight() || (p.name == q.name && SameTable(p, q)));
    }
    if (same_inputs) continue;
    return Unsupported(
        fmt::format("{} {}: config.json of this class has no words for what the file says of it",
                    i < x.size() ? x[i].op->name : "the end", i));
  }
  return {};
}

}  // namespace tern
