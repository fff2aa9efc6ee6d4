#include <fmt/format.h>

#include "io/files.h"
#include "io/hf_folder.h"
#include "models/hf/config.h"

namespace tern {
namespace {

// GGUF's numbers for kinds of pooling.
enum PoolingType : int64_t { kNone = 0, kMean = 1, kCls = 2, kLast = 3 };

// Exactly one way: sentence-transformers puts what several give side by side.
void ReadPoolingConfig(const std::string& path, HfConfig& c) {
  constexpr std::string_view kKey = "pooling_mode_";
  const auto read = ReadJsonMetadata(path);
  if (!read.ok()) return c.Refuse(read.error());
  std::string on;
  int count = 0;
  for (const auto& [key, value] : read.value().all()) {
    const bool* is_on = std::get_if<bool>(&value);
    if (!key.starts_with(kKey) || is_on == nullptr || !*is_on) continue;
    on += (count == 0 ? "" : ", ") + key;
    ++count;
  }
  const std::string mode = count == 1 ? on.substr(kKey.size()) : "";
  if (mode == "mean_tokens") return c.Set("pooling_type", int64_t{kMean});
  if (mode == "cls_token") return c.Set("pooling_type", int64_t{kCls});
  if (mode == "lasttoken") return c.Set("pooling_type", int64_t{kLast});
  c.Refuse(
      Unsupported(fmt::format("{}: {}, supported: one of pooling_mode_mean_tokens, pooling_mode_cls_token, "
                              "pooling_mode_lasttoken",
                              path, count == 0 ? "no mode is on" : on)));
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

}  // namespace

// modules.json of sentence-transformers lists what follows the model: pooling, normalisation.
void ReadPooling(const std::string& folder, bool is_encoder, HfConfig& c) {
  const bool said = ReadLongest(folder + "/sentence_bert_config.json", "max_seq_length", c);
  if (!said && (is_encoder || IsFile(folder + "/modules.json")))
    ReadLongest(folder + "/tokenizer_config.json", "model_max_length", c);
  const std::string path = folder + "/modules.json";
  if (!IsFile(path)) return;
  const auto modules = ReadJsonArray(path);
  if (!modules.ok()) return c.Refuse(modules.error());
  bool normalizes = false;
  for (int i = 0; modules.value().Has(fmt::format("{}.type", i)); ++i) {
    const std::string type = modules.value().Str(fmt::format("{}.type", i), "").value();
    const std::string part = modules.value().Str(fmt::format("{}.path", i), "").value();
    if (!part.empty() && !IsSafeRelativePath(part))
      return c.Refuse(BadInput(path + ": path: expected a folder of this one"));
    if (type.ends_with(".Pooling")) ReadPoolingConfig(folder + "/" + part + "/config.json", c);
    normalizes = normalizes || type.ends_with(".Normalize");
    if (!type.ends_with(".Transformer") && !type.ends_with(".Pooling") && !type.ends_with(".Normalize"))
      c.Refuse(Unsupported(path + ": " + type + ": supported: Transformer, Pooling, Normalize"));
  }
  c.Set("embedding.normalize", normalizes);
}

}  // namespace tern
