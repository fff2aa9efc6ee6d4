#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <vector>

#include "io/files.h"
#include "io/hf_folder.h"
#include "io/json_text.h"
#include "models/convert.h"
#include "models/hf/logical_tensors.h"
#include "models/plain_weights.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr size_t kMaxConfigBytes = size_t{16} << 20;
constexpr size_t kMaxFileBytes = size_t{1} << 30;
constexpr size_t kMaxDepth = 32;

// What lies beside the weights and is as true of the copy.
constexpr const char* kCopied[] = {"generation_config.json",
                                   "tokenizer.json",
                                   "tokenizer_config.json",
                                   "special_tokens_map.json",
                                   "added_tokens.json",
                                   "tokenizer.model",
                                   "spiece.model",
                                   "vocab.json",
                                   "merges.txt",
                                   "vocab.txt",
                                   "chat_template.jinja",
                                   "chat_template.json",
                                   "modules.json",
                                   "sentence_bert_config.json",
                                   "config_sentence_transformers.json"};

class FolderWriter {
 public:
  FolderWriter(const HfFolder& folder, std::string out, const ConvertOptions& options)
      : folder_(folder), out_(std::move(out)), options_(options) {}

  Status Run() {
    TERN_TRY(const NamedTensors tensors, LogicalTensors(folder_, &buffers_));
    TERN_TRY_STATUS(List(tensors));
    TERN_TRY_STATUS(weights_.Write(out_, options_));
    for (const char* name : kCopied) TERN_TRY_STATUS(Copy(name));
    TERN_TRY_STATUS(CopyModules());
    return WriteConfig();
  }

 private:
  Status List(const NamedTensors& tensors) {
    if (!options_.dtype.empty() && FindPlainType(options_.dtype) == nullptr) {
      return BadInput(fmt::format("dtype: \"{}\", expected f32, f16 or bf16", options_.dtype));
    }
    for (const auto& [name, tensor] : tensors) {
      const bool converts = options_.dtype.empty() && !LiesPlain(name, tensor);
      const PlainType* plain = FindPlainType(converts                 ? "bf16"
                                             : options_.dtype.empty() ? tensor.format->name
                                                                      : options_.dtype);
      changes_ = changes_ || converts;
      PlainWeight written{.entry = {name, plain->type, tensor.shape}, .plain = plain, .tensor = tensor};
      // Blocks of MXFP4 lie along the inputs; the plain tensor has these first.
      constexpr std::string_view kBlocks = "_blocks";
      if (name.ends_with(kBlocks) && tensor.format->name == "mxfp4" && tensor.shape.size() == 3) {
        written.entry.name.resize(name.size() - kBlocks.size());
        std::swap(written.entry.shape[1], written.entry.shape[2]);
        written.transposes = true;
      }
      weights_.Add(std::move(written));
    }
    if (weights_.empty()) return BadInput(folder_.path() + ": holds no tensors");
    return {};
  }

  // Whether the folder itself holds these numbers: FP8 and others are f32 only by now.
  bool LiesPlain(const std::string& name, const Tensor& tensor) const {
    const PlainType* plain = FindPlainType(tensor.format->name);
    const RawTensor* raw = folder_.Find(name);
    return plain != nullptr && raw != nullptr && raw->type == plain->type;
  }

  Status Copy(const std::string& name) {
    const std::string from = folder_.path() + "/" + name;
    if (!IsFile(from)) return {};
    TERN_TRY(const std::string bytes, ReadFile(from, kMaxFileBytes));
    return WriteFileAtomic(out_ + "/" + name, bytes);
  }

  // "1_Pooling/config.json" and the like; the weights of "2_Dense" as they are.
  Status CopyModules() {
    const std::string path = folder_.path() + "/modules.json";
    if (!IsFile(path)) return {};
    TERN_TRY(const Metadata modules, ReadJsonArray(path));
    for (int i = 0; modules.Has(fmt::format("{}.type", i)); ++i) {
      TERN_TRY(const std::string part, modules.Str(fmt::format("{}.path", i), ""));
      if (part.empty() || !IsSafeRelativePath(part)) continue;
      TERN_TRY_STATUS(MakeDirectories(out_ + "/" + part));
      TERN_TRY_STATUS(Copy(part + "/config.json"));
      TERN_TRY_STATUS(Copy(part + "/model.safetensors"));
    }
    return {};
  }

  // Without what it says of a quantization that is gone, and with the new type.
  Status WriteConfig() {
    const std::string path = folder_.path() + "/config.json";
    TERN_TRY(const std::string text, ReadFile(path, kMaxConfigBytes));
    TERN_TRY(json::value config, ParseJson(text, path, kMaxDepth));
    if (!config.is_object()) return BadInput(path + ": expected a JSON object");
    json::object& root = config.get_object();
    const std::string dtype = FindPlainType(options_.dtype.empty() ? "bf16" : options_.dtype)->name;
    root.erase("quantization_config");
    root.erase("compression_config");
    if (changes_ || !options_.dtype.empty()) {
      SetType(root, dtype);
      if (!root.contains("dtype") && !root.contains("torch_dtype")) root["torch_dtype"] = dtype;
    }
    return WriteFileAtomic(out_ + "/config.json", json::serialize(config) + "\n");
  }

  // At the top and one level below (text_config).
  static void SetType(json::object& config, const std::string& dtype, bool is_top = true) {
    for (json::key_value_pair& member : config) {
      if (member.key() == "dtype" || member.key() == "torch_dtype") member.value() = dtype;
      if (is_top && member.value().is_object()) SetType(member.value().get_object(), dtype, false);
    }
  }

  const HfFolder& folder_;
  std::string out_;
  const ConvertOptions& options_;
  std::vector<Buffer> buffers_;
  PlainWeights weights_;
  bool changes_ = false;  // some weight was quantized
};

}  // namespace

Status ConvertToSafetensors(const std::string& folder, const std::string& out,
                            const ConvertOptions& options) {
  if (!HfFolder::Looks(folder)) {
    return Unsupported(folder +
                       ": is no Hugging Face folder, which safetensors are made from; supported: --to gguf");
  }
  TERN_TRY(const auto opened, HfFolder::Open(folder));
  return MakeFolder(
      folder, out, [&](const std::string& partial) { return FolderWriter(*opened, partial, options).Run(); });
}

}  // namespace tern
