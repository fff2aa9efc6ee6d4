#include "models/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "io/gguf_writer.h"
#include "models/model.h"

namespace tern {
namespace {

constexpr size_t kChunkRows = 256;

bool IsPlain(const Format& format) { return format.block_weights == 1; }

// What others compute in f32 they insist on finding in f32.
bool StaysF32(std::string_view name, const Tensor& tensor) {
  return tensor.shape.size() == 1 || name.ends_with(".bias") || name.ends_with("_norm.weight") ||
         name.ends_with("ffn_gate_inp.weight") || name.ends_with("ffn_gate_inp_shexp.weight");
}

// Formats in which no other program reads weights: FP8, nf4 and some NVFP4 folders lie in them in memory.
bool IsOurs(const Format& format) {
  constexpr uint32_t kFirstOfOurs = 1000001;
  return format.gguf_type >= kFirstOfOurs;
}

// The one format of ours that is written, where it is asked for: 2:4. It is of linear layers, whatever they
// are in, but not of the head, nor of tables.
constexpr std::string_view kSparse = "q8_24";

bool CanBeSparse(std::string_view name, const Tensor& tensor, const Format& sparse) {
  const bool of_a_layer = name.starts_with("blk.") || name.find(".blk.") != name.npos;
  return of_a_layer && name.ends_with(".weight") && !StaysF32(name, tensor) &&
         !name.ends_with("attn_rel_b.weight") && tensor.cols() % sparse.block_weights == 0;
}

const Format* Target(std::string_view name, const Tensor& tensor, const Format* wanted) {
  if (wanted != nullptr && wanted->name == kSparse) {
    if (CanBeSparse(name, tensor, *wanted)) return wanted;
    wanted = nullptr;
  }
  if (!IsPlain(*tensor.format) && !IsOurs(*tensor.format)) return tensor.format;
  if (StaysF32(name, tensor)) return &F32();
  if (IsOurs(*tensor.format) && wanted == nullptr) return &F32();
  return wanted == nullptr ? tensor.format : wanted;
}

// llama.cpp's ids of what most of a file's weights are.
uint64_t FileType(std::string_view format) {
  if (format == "f16") return 1;
  return format == "bf16" ? 32 : 0;
}

constexpr uint64_t kQuantizationVersion = 2;  // of the formats' layouts, as llama.cpp counts them

// "SmolLM2-135M" of "models/SmolLM2-135M/", and of a snapshot in the Hub's cache,
// "models--HuggingFaceTB--SmolLM2-135M/snapshots/12fd25f".
std::string NameOf(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::filesystem::path whole(path);
  if (whole.parent_path().filename() != "snapshots") return whole.filename().string();
  const std::string repository = whole.parent_path().parent_path().filename().string();
  const size_t name = repository.rfind("--");
  return name == repository.npos ? repository : repository.substr(name + 2);
}

Metadata WithGeneralKeys(const Checkpoint& checkpoint, const Metadata& more, const Format* wanted) {
  Metadata metadata = checkpoint.metadata();
  for (const auto& [key, value] : more.all()) metadata.Set(key, value);
  const std::string architecture = metadata.Str("general.architecture", "").value();
  const Tensor* table = checkpoint.Find("token_embd.weight");
  if (table != nullptr) {
    metadata.Set(architecture + ".vocab_size", static_cast<uint64_t>(table->rows()));
    const bool plain = wanted != nullptr && IsPlain(*wanted);
    if (!metadata.Has("general.file_type") || plain) {
      metadata.Set("general.file_type", FileType(plain ? wanted->name : table->format->name));
    }
  }
  if (!metadata.Has("general.type")) metadata.Set("general.type", std::string("model"));
  if (!metadata.Has("general.name")) metadata.Set("general.name", NameOf(checkpoint.path()));
  if (!metadata.Has("general.quantization_version"))
    metadata.Set("general.quantization_version", kQuantizationVersion);
  if (!metadata.Has("tokenizer.ggml.model")) metadata.Set("tokenizer.ggml.model", std::string("none"));
  // Segments' numbers: BERT's readers ask for how many there are.
  if (const Tensor* types = checkpoint.Find("token_types.weight"); types != nullptr)
    metadata.Set("tokenizer.ggml.token_type_count", static_cast<uint64_t>(types->rows()));
  return metadata;
}

// Rows of `tensor` in another plain format, piece by piece.
Status AppendConverted(const Tensor& tensor, const Format& target, GgufWriter& writer) {
  const auto columns = static_cast<size_t>(tensor.cols()), rows = static_cast<size_t>(tensor.rows());
  std::vector<float> numbers(columns);
  const size_t row_bytes = BlockOffset(target, columns);
  std::string bytes;
  for (size_t row = 0; row < rows; row += kChunkRows) {
    const size_t n = std::min(kChunkRows, rows - row);
    bytes.resize(n * row_bytes);
    for (size_t r = 0; r < n; ++r) {
      tensor.format->decode(tensor.row(static_cast<int64_t>(row + r)), 0, numbers.data(), columns);
      target.encode(numbers.data(), nullptr, bytes.data() + r * row_bytes, columns);
    }
    TERN_TRY_STATUS(writer.Append(bytes));
  }
  return {};
}

}  // namespace

Status ConvertToGguf(const Checkpoint& checkpoint, const std::string& path, const ConvertOptions& options) {
  const Format* wanted = nullptr;
  if (!options.dtype.empty()) {
    wanted = FindFormat(options.dtype);
    if (wanted == nullptr || !(IsPlain(*wanted) || wanted->name == kSparse)) {
      return BadInput(fmt::format("dtype: \"{}\", expected f32, f16, bf16 or {}", options.dtype, kSparse));
    }
  }
  std::vector<GgufTensor> layout;
  uint64_t total = 0, done = 0;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    layout.push_back({name, Target(name, tensor, wanted), tensor.shape});
    total += static_cast<uint64_t>(tensor.rows()) * tensor.row_bytes();
  }
  TERN_TRY(GgufWriter writer,
           GgufWriter::Create(path, WithGeneralKeys(checkpoint, options.more, wanted), layout));
  for (size_t i = 0; i < layout.size(); ++i) {
    const Tensor& tensor = checkpoint.tensors()[i].second;
    const size_t bytes = static_cast<size_t>(tensor.rows()) * tensor.row_bytes();
    if (layout[i].format == tensor.format) {
      TERN_TRY_STATUS(writer.Append({static_cast<const char*>(tensor.data), bytes}));
    } else {
      TERN_TRY_STATUS(AppendConverted(tensor, *layout[i].format, writer));
    }
    done += bytes;
    if (options.progress) TERN_TRY_STATUS(options.progress(done, total));
  }
  return writer.Commit();
}

}  // namespace tern
