#include "models/convert.h"

#include <fmt/format.h>

#include <algorithm>

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

const Format* Target(std::string_view name, const Tensor& tensor, const Format* wanted) {
  if (!IsPlain(*tensor.format)) return tensor.format;
  if (StaysF32(name, tensor)) return &F32();
  return wanted == nullptr ? tensor.format : wanted;
}

// llama.cpp's ids of what most of a file's weights are.
int64_t FileType(std::string_view format) {
  if (format == "f16") return 1;
  return format == "bf16" ? 32 : 0;
}

Metadata WithGeneralKeys(const Checkpoint& checkpoint, const Format* wanted) {
  Metadata metadata = checkpoint.metadata();
  const std::string architecture = metadata.Str("general.architecture", "").value();
  const Tensor* table = checkpoint.Find("token_embd.weight");
  if (table != nullptr) {
    metadata.Set(architecture + ".vocab_size", table->rows());
    if (!metadata.Has("general.file_type") || wanted != nullptr) {
      metadata.Set("general.file_type", FileType(wanted == nullptr ? table->format->name : wanted->name));
    }
  }
  if (!metadata.Has("tokenizer.ggml.model")) metadata.Set("tokenizer.ggml.model", std::string("none"));
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
      target.encode(numbers.data(), bytes.data() + r * row_bytes, columns);
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
    if (wanted == nullptr || !IsPlain(*wanted)) {
      return BadInput(fmt::format("dtype: \"{}\", expected f32, f16 or bf16", options.dtype));
    }
  }
  std::vector<GgufTensor> layout;
  uint64_t total = 0, done = 0;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    layout.push_back({name, Target(name, tensor, wanted), tensor.shape});
    total += static_cast<uint64_t>(tensor.rows()) * tensor.row_bytes();
  }
  TERN_TRY(GgufWriter writer, GgufWriter::Create(path, WithGeneralKeys(checkpoint, wanted), layout));
  for (size_t i = 0; i < layout.size(); ++i) {
    const Tensor& tensor = checkpoint.tensors()[i].second;
    const size_t bytes = static_cast<size_t>(tensor.rows()) * tensor.row_bytes();
    if (layout[i].format == tensor.format) {
      TERN_TRY_STATUS(writer.Append({static_cast<const char*>(tensor.data), bytes}));
    } else {
      TERN_TRY_STATUS(AppendConverted(tensor, *layout[i].format, writer));
    }
    done += bytes;
    if (options.progress) options.progress(done, total);
  }
  return writer.Commit();
}

}  // namespace tern
