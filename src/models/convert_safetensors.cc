#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <vector>

#include "io/files.h"
#include "io/hf_folder.h"
#include "io/json_text.h"
#include "io/safetensors_writer.h"
#include "models/convert.h"
#include "models/hf/edits.h"
#include "models/hf/logical_tensors.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr size_t kMaxConfigBytes = size_t{16} << 20;
constexpr size_t kMaxFileBytes = size_t{1} << 30;
constexpr size_t kMaxDepth = 32;
constexpr int64_t kChunkRows = 256;

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

struct Plain {
  const Format* format;
  RawType type;
  const char* name;  // as config.json spells it
};
const Plain* FindPlain(std::string_view format) {
  static const Plain kPlains[] = {{FindFormat("f32"), RawType::kF32, "float32"},
                                  {FindFormat("f16"), RawType::kF16, "float16"},
                                  {FindFormat("bf16"), RawType::kBf16, "bfloat16"}};
  for (const Plain& plain : kPlains) {
    if (plain.format->name == format) return &plain;
  }
  return nullptr;
}

// A tensor as it will be written.
struct Written {
  SafetensorsEntry entry;
  const Plain* plain;
  Tensor tensor;
  bool transposes = false;  // stored [out, in] where the plain form is [in, out]
};

class FolderWriter {
 public:
  FolderWriter(const HfFolder& folder, std::string out, const ConvertOptions& options)
      : folder_(folder), out_(std::move(out)), options_(options) {}

  Status Run() {
    TERN_TRY(const NamedTensors tensors, LogicalTensors(folder_, &buffers_));
    TERN_TRY_STATUS(List(tensors));
    TERN_TRY_STATUS(WriteShards());
    for (const char* name : kCopied) TERN_TRY_STATUS(Copy(name));
    TERN_TRY_STATUS(CopyModules());
    return WriteConfig();
  }

 private:
  Status List(const NamedTensors& tensors) {
    if (!options_.dtype.empty() && FindPlain(options_.dtype) == nullptr) {
      return BadInput(fmt::format("dtype: \"{}\", expected f32, f16 or bf16", options_.dtype));
    }
    for (const auto& [name, tensor] : tensors) {
      const bool converts = options_.dtype.empty() && !LiesPlain(name, tensor);
      const Plain* plain = FindPlain(converts                 ? "bf16"
                                     : options_.dtype.empty() ? tensor.format->name
                                                              : options_.dtype);
      changes_ = changes_ || converts;
      Written written{{name, plain->type, tensor.shape}, plain, tensor};
      // Blocks of MXFP4 lie along the inputs; the plain tensor has these first.
      constexpr std::string_view kBlocks = "_blocks";
      if (name.ends_with(kBlocks) && tensor.format->name == "mxfp4" && tensor.shape.size() == 3) {
        written.entry.name.resize(name.size() - kBlocks.size());
        std::swap(written.entry.shape[1], written.entry.shape[2]);
        written.transposes = true;
      }
      total_ += written.entry.bytes();
      list_.push_back(std::move(written));
    }
    if (list_.empty()) return BadInput(folder_.path() + ": holds no tensors");
    return {};
  }

  // Whether the folder itself holds these numbers: FP8 and others are f32 only by now.
  bool LiesPlain(const std::string& name, const Tensor& tensor) const {
    const Plain* plain = FindPlain(tensor.format->name);
    const RawTensor* raw = folder_.Find(name);
    return plain != nullptr && raw != nullptr && raw->type == plain->type;
  }

  Status WriteShards() {
    std::vector<std::span<const Written>> shards;
    uint64_t bytes = 0;
    size_t first = 0;
    for (size_t i = 0; i < list_.size(); ++i) {
      const uint64_t size = list_[i].entry.bytes();
      if (i > first && bytes + size > options_.shard_bytes) {
        shards.push_back(std::span(list_).subspan(first, i - first));
        first = i;
        bytes = 0;
      }
      bytes += size;
    }
    shards.push_back(std::span(list_).subspan(first));
    if (shards.size() == 1) return WriteFile("model.safetensors", shards[0]);
    json::object map;
    for (size_t i = 0; i < shards.size(); ++i) {
      const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
      TERN_TRY_STATUS(WriteFile(name, shards[i]));
      for (const Written& written : shards[i]) map[written.entry.name] = name;
    }
    const json::object index = {{"metadata", {{"total_size", total_}}}, {"weight_map", map}};
    return WriteFileAtomic(out_ + "/model.safetensors.index.json", json::serialize(index) + "\n");
  }

  Status WriteFile(const std::string& name, std::span<const Written> shard) {
    std::vector<SafetensorsEntry> entries;
    for (const Written& written : shard) entries.push_back(written.entry);
    TERN_TRY(SafetensorsWriter writer, SafetensorsWriter::Create(out_ + "/" + name, entries));
    for (const Written& written : shard) {
      TERN_TRY_STATUS(WriteTensor(written, writer));
      done_ += written.entry.bytes();
      if (options_.progress) TERN_TRY_STATUS(options_.progress(done_, total_));
    }
    return writer.Commit();
  }

  Status WriteTensor(const Written& written, SafetensorsWriter& writer) {
    std::vector<Buffer> scratch;
    Tensor tensor = written.tensor;
    if (written.transposes) {
      HfEditor editor(&scratch);
      TERN_TRY(tensor, editor.Apply(written.entry.name, tensor, {.from = "", .edit = kHfTranspose}, {}));
    }
    const auto columns = static_cast<size_t>(tensor.cols());
    const size_t row_bytes = columns * RawTypeBytes(written.plain->type);
    std::vector<float> numbers(columns);
    std::string bytes;
    for (int64_t row = 0; row < tensor.rows(); row += kChunkRows) {
      const int64_t n = std::min(kChunkRows, tensor.rows() - row);
      if (tensor.format == written.plain->format) {
        const auto size = static_cast<size_t>(n) * row_bytes;
        TERN_TRY_STATUS(writer.Append({static_cast<const char*>(tensor.row(row)), size}));
        continue;
      }
      bytes.resize(static_cast<size_t>(n) * row_bytes);
      for (int64_t r = 0; r < n; ++r) {
        tensor.format->decode(tensor.row(row + r), 0, numbers.data(), columns);
        written.plain->format->encode(numbers.data(), bytes.data() + static_cast<size_t>(r) * row_bytes,
                                      columns);
      }
      TERN_TRY_STATUS(writer.Append(bytes));
    }
    return {};
  }

  Status Copy(const std::string& name) {
    const std::string from = folder_.path() + "/" + name;
    if (!IsFile(from)) return {};
    TERN_TRY(const std::string bytes, ReadFile(from, kMaxFileBytes));
    return WriteFileAtomic(out_ + "/" + name, bytes);
  }

  // "1_Pooling/config.json" and the like.
  Status CopyModules() {
    const std::string path = folder_.path() + "/modules.json";
    if (!IsFile(path)) return {};
    TERN_TRY(const Metadata modules, ReadJsonArray(path));
    for (int i = 0; modules.Has(fmt::format("{}.type", i)); ++i) {
      TERN_TRY(const std::string part, modules.Str(fmt::format("{}.path", i), ""));
      if (part.empty() || !IsSafeRelativePath(part)) continue;
      TERN_TRY_STATUS(MakeDirectories(out_ + "/" + part));
      TERN_TRY_STATUS(Copy(part + "/config.json"));
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
    const std::string dtype = FindPlain(options_.dtype.empty() ? "bf16" : options_.dtype)->name;
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
  std::vector<Written> list_;
  uint64_t total_ = 0, done_ = 0;
  bool changes_ = false;  // some weight was quantized
};

}  // namespace

Status ConvertToSafetensors(const std::string& folder, const std::string& out,
                            const ConvertOptions& options) {
  if (!HfFolder::Looks(folder)) {
    return Unsupported(folder +
                       ": is no Hugging Face folder, which safetensors are made from; supported: --to gguf");
  }
  if (StampOf(out).ok()) return BadInput(out + ": is there already, expected a new folder");
  TERN_TRY(const auto opened, HfFolder::Open(folder));
  std::string_view name = out;
  while (name.size() > 1 && name.ends_with('/')) name.remove_suffix(1);
  // The folder is there whole or not at all.
  TERN_TRY(const std::string partial, MakeNewDirectory(std::string(name) + ".part"));
  Status status = FolderWriter(*opened, partial, options).Run();
  if (status.ok()) status = MoveIntoPlace(partial, std::string(name));
  if (status.ok()) return status;
  (void)RemoveTree(partial).ok();
  if (status.error().code == Code::kCancelled) return status;
  return status.error().what.starts_with(folder) || status.error().what.starts_with(partial)
             ? status
             : Status(Error{status.error().code, folder + ": " + status.error().what});
}

}  // namespace tern
