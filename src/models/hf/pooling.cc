#include <fmt/format.h>

#include "io/files.h"
#include "io/hf_folder.h"
#include "models/hf/config.h"

namespace tern {
namespace {

// GGUF's numbers for kinds of pooling.
enum PoolingType : int64_t { kNone = 0, kMean = 1, kCls = 2, kLast = 3 };

// What is on, with commas between: "pooling_mode_mean_tokens", or "mean" as newer files have it.
std::string PoolingModes(const Metadata& config) {
  std::vector<std::string> on;
  const MetaValue* mode = config.Find("pooling_mode");
  if (mode != nullptr && std::holds_alternative<std::string>(*mode)) on = {std::get<std::string>(*mode)};
  if (const auto* modes = config.Strings("pooling_mode")) on = *modes;
  for (const auto& [key, value] : config.all()) {
    const bool* is_on = std::get_if<bool>(&value);
    if (key.starts_with("pooling_mode_") && is_on != nullptr && *is_on) on.push_back(key);
  }
  return fmt::format("{}", fmt::join(on, ", "));
}

// Exactly one way: sentence-transformers puts what several give side by side.
void ReadPoolingConfig(const std::string& path, HfConfig& c) {
  const auto read = ReadJsonMetadata(path);
  if (!read.ok()) return c.Refuse(read.error());
  const std::string mode = PoolingModes(read.value());
  if (mode == "mean" || mode == "pooling_mode_mean_tokens") return c.Set("pooling_type", int64_t{kMean});
  if (mode == "cls" || mode == "pooling_mode_cls_token") return c.Set("pooling_type", int64_t{kCls});
  if (mode == "lasttoken" || mode == "pooling_mode_lasttoken") return c.Set("pooling_type", int64_t{kLast});
  c.Refuse(
      Unsupported(fmt::format("{}: {}, supported: one of pooling_mode_mean_tokens, pooling_mode_cls_token, "
                              "pooling_mode_lasttoken",
                              path, mode.empty() ? "no mode is on" : mode)));
}

// Whether the file says how long a text may be. Tokenizers without a limit have a number like 1e30 there.
bool ReadLongest(const std::string& path, std::string_view key, HfConfig& c) {
  if (!IsFile(path)) return false;
  const auto read = ReadJsonMetadata(path);
  if (!read.ok()) {
    c.Refuse(read.error());
    return false;
  }
  const auto most = read.value().Int(key, 0);
  if (!most.ok() || most.value() <= 0) return false;
  c.Set("embedding.max_tokens", most.value());
  return true;
}

// modules.json of sentence-transformers lists what follows the model: pooling, linears, normalisation.
void ReadModules(const Metadata& modules, const std::string& folder, HfConfig& c) {
  const std::string path = folder + "/modules.json";
  bool pools = false, normalizes = false;
  for (int i = 0; modules.Has(fmt::format("{}.type", i)); ++i) {
    const std::string type = modules.Str(fmt::format("{}.type", i), "").value();
    const std::string part = modules.Str(fmt::format("{}.path", i), "").value();
    if (!part.empty() && !IsSafeRelativePath(part))
      return c.Refuse(BadInput(path + ": path: expected a folder of this one"));
    if (type.ends_with(".Transformer")) continue;
    if (type.ends_with(".Pooling")) {
      ReadPoolingConfig(folder + "/" + part + "/config.json", c);
      pools = true;
    } else if (type.ends_with(".Dense")) {
      if (!pools || normalizes)
        return c.Refuse(Unsupported(fmt::format("{}: {}: {}, supported: between Pooling and Normalize", path,
                                                type, pools ? "behind Normalize" : "without Pooling")));
      c.AddDense(folder + "/" + part);
    } else if (type.ends_with(".Normalize")) {
      normalizes = true;
    } else {
      c.Refuse(Unsupported(path + ": " + type + ": supported: Transformer, Pooling, Dense, Normalize"));
    }
  }
  c.Set("embedding.normalize", normalizes);
}

}  // namespace

void ReadPooling(const std::string& folder, bool is_encoder, HfConfig& c) {
  const bool said = ReadLongest(folder + "/sentence_bert_config.json", "max_seq_length", c);
  if (!said && (is_encoder || IsFile(folder + "/modules.json")))
    ReadLongest(folder + "/tokenizer_config.json", "model_max_length", c);
  const std::string path = folder + "/modules.json";
  if (!IsFile(path)) return;
  const auto modules = ReadJsonArray(path);
  if (!modules.ok()) return c.Refuse(modules.error());
  ReadModules(modules.value(), folder, c);
}

}  // namespace tern
