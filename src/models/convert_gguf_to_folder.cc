#include <fmt/format.h>

#include <boost/json.hpp>
#include <deque>
#include <optional>

#include "io/files.h"
#include "models/convert.h"
#include "models/hf/checkpoint.h"
#include "models/hf/folder_config.h"
#include "models/hf/rules.h"
#include "models/plain_weights.h"

namespace tern {
namespace {

namespace json = boost::json;

// A rule and what its placeholders stand for in a tensor's name.
struct Reversed {
  const HfRule* rule;
  HfMatch match;
};

// The rule that made this tensor, of those that can be turned around. A later one of the same target would be
// another form of checkpoint (experts in one tensor).
std::optional<Reversed> FindRule(const HfMapping& mapping, std::string_view name) {
  for (const auto rules : {mapping.rules, CommonHfRules()}) {
    for (const HfRule& rule : rules) {
      const bool turns = rule.rows == nullptr || rule.rows == PairRowsQ || rule.rows == PairRowsK;
      if (!turns || (rule.edit & ~kHfPlusOne) != 0) continue;
      if (auto match = MatchHfRule(rule.to, name)) return Reversed{&rule, *std::move(match)};
    }
  }
  return std::nullopt;
}

class GgufFolderWriter {
 public:
  GgufFolderWriter(const Checkpoint& checkpoint, const ConvertOptions& options, FolderConfig config)
      : checkpoint_(checkpoint), options_(options), config_(std::move(config)) {}

  Status Write(const std::string& out, const BuiltModel& built, const std::vector<FolderFile>& files) {
    dims_.heads = built.hparams.heads;
    dims_.kv_heads = built.hparams.kv_heads;
    for (const auto& [name, tensor] : checkpoint_.tensors()) TERN_TRY_STATUS(List(name, tensor));
    config_.config["torch_dtype"] = TypeOf(*checkpoint_.Find("token_embd.weight"))->name;
    if (!packed_.empty()) config_.config["quantization_config"] = QuantizationConfig(packed_, ignored_);
    TERN_TRY_STATUS(weights_.Write(out, options_));
    TERN_TRY_STATUS(WriteFileAtomic(out + "/config.json", json::serialize(config_.config) + "\n"));
    for (const FolderFile& file : files) TERN_TRY_STATUS(WriteFileAtomic(out + "/" + file.name, file.text));
    // What config.json cannot say would be lost without a word.
    TERN_TRY(const auto folder, OpenModelCheckpoint(out));
    TERN_TRY(const BuiltModel again, BuildModel(*folder));
    return SameGraph(built, again);
  }

 private:
  // What is quantized becomes bf16.
  const PlainType* TypeOf(const Tensor& tensor) const {
    if (!options_.dtype.empty()) return FindPlainType(options_.dtype);
    const PlainType* own = FindPlainType(tensor.format->name);
    return own != nullptr ? own : FindPlainType("bf16");
  }

  Status List(std::string_view name, const Tensor& tensor) {
    if (name.starts_with("rope_")) return {};  // config.json says it
    const std::optional<Reversed> found = FindRule(*config_.mapping, name);
    if (!found) {
      return Unsupported(fmt::format("{}: {} {}: {} has no such tensor", name, tensor.format->name,
                                     ToString(tensor.shape), config_.mapping->classes));
    }
    if (found->rule->from.find("{e}") == found->rule->from.npos) {
      const auto packed = options_.packed.find(std::string(name));
      return Add(*found, tensor, packed == options_.packed.end() ? nullptr : &packed->second);
    }
    if (tensor.shape.size() < 2) return BadInput(fmt::format("{}: expected a tensor per expert", name));
    const int64_t experts = tensor.shape[0], rows = tensor.rows() / experts;
    for (int64_t expert = 0; expert < experts; ++expert) {
      Reversed one = *found;
      one.match.expert = std::to_string(expert);
      Tensor part{tensor.format, Shape(tensor.shape.begin() + 1, tensor.shape.end()),
                  tensor.row(expert * rows)};
      TERN_TRY_STATUS(Add(one, part));
    }
    return {};
  }

  Status Add(const Reversed& found, const Tensor& tensor, const PackedForm* packed = nullptr) {
    const HfRule& rule = *found.rule;
    std::string name = HfTarget(rule.from, found.match);
    if (!name.starts_with("lm_head.")) name.insert(0, "model.");
    const PlainType* plain = TypeOf(tensor);
    PlainWeight weight{
        .entry = {std::move(name), plain->type, tensor.shape}, .plain = plain, .tensor = tensor};
    weight.minus_one = (rule.edit & kHfPlusOne) != 0;
    if (rule.rows != nullptr) {
      if (tensor.shape.size() == 1) weight.tensor = AsColumn(tensor);
      HfDims dims = dims_;
      dims.rows = weight.tensor.rows();
      const std::vector<int64_t> from = rule.rows(dims);
      if (static_cast<int64_t>(from.size()) != dims.rows)
        return BadInput(
            fmt::format("{}: {} rows, expected those of {} heads", weight.entry.name, dims.rows, dims.heads));
      weight.rows.resize(from.size());
      for (size_t i = 0; i < from.size(); ++i)
        weight.rows[static_cast<size_t>(from[i])] = static_cast<int64_t>(i);
    }
    if (packed != nullptr) return AddPacked(weight, *packed);
    // Readers take what is no embedding and no norm for a linear that would be packed.
    const std::string_view module = Module(weight.entry.name);
    if (tensor.shape.size() == 2 && !module.ends_with("embed_tokens")) ignored_.emplace_back(module);
    weights_.Add(std::move(weight));
    return {};
  }

  static std::string_view Module(std::string_view name) { return name.substr(0, name.rfind('.')); }

  Status AddPacked(const PlainWeight& weight, const PackedForm& form) {
    const std::string module(Module(weight.entry.name));
    auto parts = PackForCompressedTensors(weight.tensor, form, weight.rows);
    if (!parts.ok()) return Error{parts.error().code, weight.entry.name + ": " + parts.error().what};
    for (PackedPart& part : parts.value()) {
      weights_.Add({.entry = {module + part.suffix, part.type, part.shape},
                    .tensor = {},
                    .packed = std::move(part.bytes)});
    }
    packed_[module] = form;
    return {};
  }

  // A bias as rows of one number each, which rows within a block are not.
  Tensor AsColumn(const Tensor& bias) {
    Tensor column{bias.format, {bias.shape[0], 1}, bias.data};
    if (bias.format->block_weights == 1) return column;
    column.format = &F32();
    column.data = decoded_.emplace_back(DecodeAll(bias)).data();
    return column;
  }

  const Checkpoint& checkpoint_;
  const ConvertOptions& options_;
  FolderConfig config_;
  std::deque<std::vector<float>> decoded_;  // what weights_ looks at
  HfDims dims_;
  PlainWeights weights_;
  std::map<std::string, PackedForm> packed_;  // by module
  std::vector<std::string> ignored_;
};

}  // namespace

Status ConvertGgufToFolder(const Checkpoint& checkpoint, const std::string& out,
                           const ConvertOptions& options, const std::vector<FolderFile>& files) {
  const std::string path(checkpoint.path());
  return MakeFolder(path, out, [&](const std::string& folder) -> Status {
    if (!options.dtype.empty() && FindPlainType(options.dtype) == nullptr)
      return BadInput(fmt::format("dtype: \"{}\", expected f32, f16 or bf16", options.dtype));
    TERN_TRY(FolderConfig config, DescribeAsFolder(checkpoint));
    TERN_TRY(const BuiltModel built, BuildModel(checkpoint));
    return GgufFolderWriter(checkpoint, options, std::move(config)).Write(folder, built, files);
  });
}

}  // namespace tern
