#include <fmt/format.h>

#include "io/files.h"
#include "io/hf_folder.h"
#include "models/hf/config.h"

namespace tern {
namespace {

// GGUF's numbers for kinds of pooling.
enum PoolingType : int64_t { kNone = 0, kMean = 1, kCls = 2, kLast = 3 };

void ReadPoolingConfig(const std::string& path, HfConfig& c) {
  const auto read = ReadJsonMetadata(path);
  if (!read.ok()) return c.Refuse(read.error());
  const auto is_on = [&](std::string_view key) {
    return read.value().Bool(key, false).ok() && read.value().Bool(key, false).value();
  };
  if (is_on("pooling_mode_mean_tokens")) return c.Set("pooling_type", int64_t{kMean});
  if (is_on("pooling_mode_cls_token")) return c.Set("pooling_type", int64_t{kCls});
  if (is_on("pooling_mode_lasttoken")) return c.Set("pooling_type", int64_t{kLast});
  c.Refuse(Unsupported(
      path + ": supported: pooling_mode_mean_tokens, pooling_mode_cls_token, pooling_mode_lasttoken"));
}

}  // namespace

// modules.json of sentence-transformers lists what follows the model: pooling, normalisation.
void ReadPooling(const std::string& folder, HfConfig& c) {
  const std::string limits = folder + "/sentence_bert_config.json";
  if (IsFile(limits)) {
    const auto read = ReadJsonMetadata(limits);
    if (!read.ok()) return c.Refuse(read.error());
    const auto most = read.value().Int("max_seq_length", 0);
    if (most.ok() && most.value() > 0) c.Set("embedding.max_tokens", most.value());
  }
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
    if (type.ends_with(".Dense"))
      c.Refuse(Unsupported(path + ": " + type + ": supported: Transformer, Pooling, Normalize"));
  }
  c.Set("embedding.normalize", normalizes);
}

}  // namespace tern
