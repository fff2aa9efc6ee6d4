#include "models/hf/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>

#include "io/field_reader.h"
#include "io/gguf.h"
#include "io/hf_folder.h"
#include "models/hf/config.h"
#include "models/hf/dense.h"
#include "models/hf/edits.h"
#include "models/hf/logical_tensors.h"
#include "models/hf/mapping.h"
#include "models/hf/rules.h"
#include "models/hf/source_names.h"
#include "models/model.h"

namespace tern {
namespace {

class HfCheckpoint final : public Checkpoint {
 public:
  const Metadata& metadata() const override { return metadata_; }
  std::span<const std::pair<std::string, Tensor>> tensors() const override { return tensors_; }
  const Tensor* Find(std::string_view name) const override {
    const auto found =
        std::lower_bound(tensors_.begin(), tensors_.end(), name,
                         [](const auto& entry, std::string_view key) { return entry.first < key; });
    return found == tensors_.end() || found->first != name ? nullptr : &found->second;
  }
  size_t file_bytes() const override { return folder_->file_bytes(); }
  std::string_view path() const override { return folder_->path(); }
  std::span<const MappedFile> files() const override { return folder_->files(); }
  std::string NameInFiles(std::string_view name) const override { return names_.Of(name, *mapping_); }

 private:
  friend class HfLoader;
  std::unique_ptr<HfFolder> folder_;
  std::vector<Buffer> buffers_;
  DenseModules dense_;
  Metadata metadata_;
  NamedTensors tensors_;  // sorted by name
  const HfMapping* mapping_ = nullptr;
  SourceNames names_;
};

struct Found {
  const ModelDesc* desc = nullptr;
  const HfMapping* mapping = nullptr;
};

Result<Found> FindMapping(const Metadata& config) {
  const std::vector<std::string>* classes = config.Strings("architectures");
  if (classes == nullptr || classes->empty()) {
    return BadInput("config.json: architectures: missing, expected the model's class name");
  }
  std::string known;
  for (const ModelDesc* desc : AllModels()) {
    for (const HfMapping& mapping : desc->hf) {
      if (HasWord(mapping.classes, classes->front())) return Found{desc, &mapping};
      known += (known.empty() ? "" : " ") + std::string(mapping.classes);
    }
  }
  return Unsupported(
      fmt::format("config.json: architectures: {}, supported: {}", Quote(classes->front()), known));
}

// Another activation than the model's would pass unseen: the answers would merely be wrong.
void CheckActivation(HfConfig& c, std::string_view known) {
  for (const std::string_view key : HfConfig::ActivationKeys()) {
    const std::string name = c.Str(key, "");
    if (name.empty() || HasWord(known, name)) continue;
    c.Refuse(Unsupported(fmt::format("config.json: {}: {}, supported: {}", key, Quote(name), known)));
  }
}

// GGUF's readers insist on unsigned integers.
MetaValue AsGguf(const MetaValue& value) {
  if (const auto* number = std::get_if<int64_t>(&value); number != nullptr && *number >= 0) {
    return static_cast<uint64_t>(*number);
  }
  return value;
}

// "layers.0.self_attn.k_proj.output_scale" would else be taken for a part of k_proj.
bool IsNoWeight(std::string_view name) {
  return std::any_of(CommonHfRules().begin(), CommonHfRules().end(), [name](const HfRule& rule) {
    return (rule.edit & kHfIgnore) != 0 && MatchHfRule(rule.from, name);
  });
}

// "blk.3.attn_q.weight": one of the weights that ModelBuilder::Linear or LinearRows multiply.
bool IsLinear(std::string_view target) {
  constexpr std::string_view kParts =
      "attn_q attn_k attn_v attn_qkv attn_output attn_q_a attn_q_b attn_kv_a_mqa ffn_gate ffn_up ffn_down "
      "attn_o "
      "cross_attn_q cross_attn_k cross_attn_v cross_attn_o "
      "ffn_gate_shexp ffn_up_shexp ffn_down_shexp output";
  constexpr std::string_view kSuffix = ".weight";
  if (!target.ends_with(kSuffix)) return false;
  target.remove_suffix(kSuffix.size());
  const size_t dot = target.rfind('.');
  return HasWord(kParts, dot == target.npos ? target : target.substr(dot + 1));
}

bool SameNumbers(const Tensor& a, const Tensor& b) {
  if (a.format != b.format || a.shape != b.shape) return false;
  return std::memcmp(a.data, b.data, static_cast<size_t>(a.rows()) * a.row_bytes()) == 0;
}

class HfLoader {
 public:
  HfLoader(std::unique_ptr<HfFolder> folder, Isolation isolation)
      : out_(std::make_unique<HfCheckpoint>()), isolation_(isolation) {
    out_->folder_ = std::move(folder);
  }

  Result<std::unique_ptr<Checkpoint>> Load() {
    TERN_TRY_STATUS(ReadConfig());
    const auto may_have_factor = [this](std::string_view name) { return MayHaveFactor(name); };
    TERN_TRY(const NamedTensors logical, LogicalTensors(*out_->folder_, &out_->buffers_, may_have_factor));
    TERN_TRY_STATUS(MapTensors(logical));
    TERN_TRY_STATUS(CheckVocabulary());
    TERN_TRY_STATUS(Finish());
    return std::unique_ptr<Checkpoint>(std::move(out_));
  }

 private:
  Status ReadConfig() {
    const Metadata& config = out_->folder_->config();
    TERN_TRY(found_, FindMapping(config));
    out_->mapping_ = found_.mapping;
    HfConfig c(config, found_.desc->name);
    CheckActivation(c, found_.mapping->activations);
    if (found_.mapping->kv_heads != 0) c.Default("num_key_value_heads", found_.mapping->kv_heads);
    if (found_.mapping->defaults != nullptr) found_.mapping->defaults(c);
    ReadCommonHfConfig(c);
    TERN_TRY_STATUS(c.status());
    if (found_.mapping->config != nullptr) found_.mapping->config(c);
    RequireCommonHfConfig(c, found_.mapping->norm_eps);
    ReadPooling(out_->folder_->path(), found_.desc->encoder, c);
    ReadLabels(c);
    TERN_TRY_STATUS(c.status());
    for (const auto& [key, value] : c.out().all()) out_->metadata_.Set(key, AsGguf(value));
    out_->metadata_.Set("general.architecture", std::string(found_.desc->name));
    // Before any tensor is cut by these numbers.
    TERN_TRY(const Hparams hparams, ReadHparams(out_->metadata_, found_.desc->name));
    tied_ = c.Bool("tie_word_embeddings", false);
    vocabulary_ = c.Int("vocab_size", 0);
    TERN_TRY(out_->dense_, ReadDenseModules(c.dense(), found_.desc->name, hparams.width, isolation_));
    for (const auto& [key, value] : out_->dense_.metadata.all()) out_->metadata_.Set(key, value);
    for (const auto& [name, tensor] : out_->dense_.tensors) targets_[name].emplace(0, tensor);
    HfEditor editor(&out_->buffers_);
    for (const auto& [name, values] : c.tensors()) targets_[name].emplace(0, editor.Floats(values));
    const auto decoder_layers = static_cast<int>(out_->metadata_.Int(Key("decoder_block_count"), 0).value());
    layers_ = std::max(hparams.layers + hparams.guessing_layers, decoder_layers);
    dims_.heads = hparams.heads;
    dims_.kv_heads = hparams.kv_heads;
    dims_.head_dim = hparams.head_dim;
    const int64_t value_dim = out_->metadata_.Int(Key("attention.value_length"), dims_.head_dim).value();
    dims_.value_dim = out_->metadata_.Int(Key("attention.value_length_mla"), value_dim).value();
    dims_.ffn_width = hparams.ffn_width;
    dims_.context = hparams.context;
    return {};
  }

  std::string Key(std::string_view key) const {
    return std::string(found_.desc->name) + "." + std::string(key);
  }

  std::string_view WithoutPrefix(std::string_view name) const {
    std::string_view prefixes = found_.mapping->prefixes;
    while (!prefixes.empty()) {
      const size_t end = std::min(prefixes.find(' '), prefixes.size());
      if (name.starts_with(prefixes.substr(0, end))) return name.substr(end);
      prefixes.remove_prefix(std::min(end + 1, prefixes.size()));
    }
    return name;
  }

  // Whether all that this weight becomes is multiplied by ModelBuilder's linears, which know factors.
  bool MayHaveFactor(std::string_view full_name) const {
    const std::string_view name = WithoutPrefix(full_name);
    for (const auto rules : {found_.mapping->rules, CommonHfRules()}) {
      bool used = false, linear = true;
      for (const HfRule& rule : rules) {
        const std::optional<HfMatch> match = MatchHfRule(rule.from, name);
        if (!match) continue;
        used = true;
        linear = linear && match->expert.empty() && IsLinear(HfTarget(rule.to, *match));
      }
      if (used) return linear;
    }
    return false;
  }

  // Every rule that matches makes a target (q, k and v of one tensor); the common ones only where none did.
  Status MapTensors(const NamedTensors& logical) {
    for (const auto& [full_name, tensor] : logical) {
      const std::string_view name = WithoutPrefix(full_name);
      if (IsNoWeight(name)) continue;
      TERN_TRY(bool used, ApplyRules(found_.mapping->rules, full_name, name, tensor));
      if (!used) {
        TERN_TRY(used, ApplyRules(CommonHfRules(), full_name, name, tensor));
      }
      if (!used) {
        return Unsupported(fmt::format("{}: {} {}: not a tensor of {} as Tern knows it", full_name,
                                       tensor.format->name, ToString(tensor.shape), found_.mapping->classes));
      }
    }
    return {};
  }

  Result<bool> ApplyRules(std::span<const HfRule> rules, std::string_view full_name, std::string_view name,
                          const Tensor& tensor) {
    HfEditor editor(&out_->buffers_);
    bool used = false;
    for (const HfRule& rule : rules) {
      const std::optional<HfMatch> match = MatchHfRule(rule.from, name);
      if (!match) continue;
      used = true;
      if ((rule.edit & kHfIgnore) != 0) return true;
      int layer = 0, expert = 0;
      std::from_chars(match->layer.data(), match->layer.data() + match->layer.size(), layer);
      std::from_chars(match->expert.data(), match->expert.data() + match->expert.size(), expert);
      const std::string target = HfTarget(rule.to, *match);
      // Layers behind the last one predict further tokens.
      if (layer >= layers_ && !match->layer.empty()) return true;
      const bool is_factor = match->suffix == "scale" && Elements(tensor.shape) == 1;
      TERN_TRY(const Tensor edited,
               is_factor ? Result<Tensor>(tensor) : editor.Apply(full_name, tensor, rule, dims_));
      const auto [there, is_new] = targets_[target].emplace(expert, edited);
      const bool again = (rule.edit & kHfAgain) != 0 && SameNumbers(there->second, edited);
      if (!is_new && !again) {
        return BadInput(fmt::format("{}: {} is there already under another name", full_name, target));
      }
      stacked_[target] = !match->expert.empty();
      out_->names_.Add(rule, full_name.substr(0, full_name.size() - name.size()), full_name, target);
    }
    return used;
  }

  Status CheckVocabulary() const {
    const auto table = targets_.find("token_embd.weight");
    if (table == targets_.end() || vocabulary_ == 0) return {};
    const int64_t rows = table->second.begin()->second.rows();
    if (rows == vocabulary_) return {};
    return BadInput(fmt::format("config.json: vocab_size: {}, expected {}, the rows of {}", vocabulary_, rows,
                                out_->NameInFiles(table->first)));
  }

  // A tied head may lie in the file all the same. One that differs from the embedding is not tied, whatever
  // the config says.
  void DropTiedHead() {
    const auto head = targets_.find("output.weight"), table = targets_.find("token_embd.weight");
    if (!tied_ || head == targets_.end() || table == targets_.end()) return;
    if (SameNumbers(head->second.begin()->second, table->second.begin()->second)) targets_.erase(head);
  }

  Status Finish() {
    DropTiedHead();
    HfEditor editor(&out_->buffers_);
    for (const auto& [name, parts] : targets_) {
      if (!stacked_[name]) {
        out_->tensors_.emplace_back(name, parts.begin()->second);
        continue;
      }
      std::vector<Tensor> experts;
      for (const auto& [expert, tensor] : parts) {
        if (expert != static_cast<int>(experts.size())) {
          return BadInput(fmt::format("{}: expert {}: missing", name, experts.size()));
        }
        experts.push_back(tensor);
      }
      TERN_TRY(Tensor stack, editor.Stack(name, experts));
      out_->tensors_.emplace_back(name, std::move(stack));
    }
    return {};
  }

  std::unique_ptr<HfCheckpoint> out_;
  Isolation isolation_;
  Found found_;
  HfDims dims_;
  int layers_ = 0;
  bool tied_ = false;
  int64_t vocabulary_ = 0;                                // 0: config.json does not say
  std::map<std::string, std::map<int, Tensor>> targets_;  // by expert
  std::map<std::string, bool> stacked_;
};

// config.json's keys are named by it already.
Error InFolder(const std::string& path, const Error& error) {
  if (error.what.starts_with(path)) return error;
  return {error.code, path + ": " + error.what};
}

}  // namespace

Result<std::unique_ptr<Checkpoint>> OpenModelCheckpoint(const std::string& path, Isolation isolation) {
  if (!HfFolder::Looks(path)) return OpenCheckpoint(path, isolation);
  TERN_TRY(auto folder, HfFolder::Open(path, isolation));
  auto checkpoint = HfLoader(std::move(folder), isolation).Load();
  if (!checkpoint.ok()) return InFolder(path, checkpoint.error());
  return checkpoint;
}

}  // namespace tern
