#include "models/plain_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <span>

#include "io/files.h"
#include "models/hf/edits.h"

namespace tern {
namespace {

constexpr int64_t kChunkRows = 256;

}  // namespace

const PlainType* FindPlainType(std::string_view format) {
  static const PlainType kTypes[] = {{FindFormat("f32"), RawType::kF32, "float32"},
                                     {FindFormat("f16"), RawType::kF16, "float16"},
                                     {FindFormat("bf16"), RawType::kBf16, "bfloat16"}};
  const auto* found =
      std::ranges::find_if(kTypes, [&](const PlainType& type) { return type.format->name == format; });
  return found == std::end(kTypes) ? nullptr : found;
}

void PlainWeights::Add(PlainWeight weight) {
  total_ += weight.entry.bytes();
  list_.push_back(std::move(weight));
}

Status PlainWeights::Write(const std::string& out, const ConvertOptions& options) {
  options_ = &options;
  std::vector<std::span<const PlainWeight>> shards;
  uint64_t bytes = 0;
  size_t first = 0;
  for (size_t i = 0; i < list_.size(); ++i) {
    const uint64_t size = list_[i].entry.bytes();
    if (i > first && bytes + size > options.shard_bytes) {
      shards.push_back(std::span(list_).subspan(first, i - first));
      first = i;
      bytes = 0;
    }
    bytes += size;
  }
  shards.push_back(std::span(list_).subspan(first));
  if (shards.size() == 1) return WriteFile(out + "/model.safetensors", shards[0]);
  boost::json::object map;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    TERN_TRY_STATUS(WriteFile(out + "/" + name, shards[i]));
    for (const PlainWeight& weight : shards[i]) map[weight.entry.name] = name;
  }
  const boost::json::object index = {{"metadata", {{"total_size", total_}}}, {"weight_map", map}};
  return WriteFileAtomic(out + "/model.safetensors.index.json", boost::json::serialize(index) + "\n");
}

Status PlainWeights::WriteFile(const std::string& path, std::span<const PlainWeight> shard) {
  std::vector<SafetensorsEntry> entries;
  for (const PlainWeight& weight : shard) entries.push_back(weight.entry);
  TERN_TRY(SafetensorsWriter writer, SafetensorsWriter::Create(path, entries));
  for (const PlainWeight& weight : shard) {
    TERN_TRY_STATUS(WriteTensor(weight, writer));
    done_ += weight.entry.bytes();
    if (options_->progress) TERN_TRY_STATUS(options_->progress(done_, total_));
  }
  return writer.Commit();
}

Status PlainWeights::WriteTensor(const PlainWeight& weight, SafetensorsWriter& writer) {
  if (weight.plain == nullptr) return writer.Append(weight.packed);
  std::vector<Buffer> scratch;
  Tensor tensor = weight.tensor;
  if (weight.transposes) {
    HfEditor editor(&scratch);
    TERN_TRY(tensor, editor.Apply(weight.entry.name, tensor, {.from = "", .edit = kHfTranspose}, {}));
  }
  const auto columns = static_cast<size_t>(tensor.cols());
  const size_t row_bytes = columns * RawTypeBytes(weight.plain->type);
  const bool as_is = tensor.format == weight.plain->format && !weight.minus_one;
  std::vector<float> numbers(columns);
  std::string bytes;
  for (int64_t first = 0; first < tensor.rows(); first += kChunkRows) {
    const int64_t n = std::min(kChunkRows, tensor.rows() - first);
    bytes.resize(static_cast<size_t>(n) * row_bytes);
    for (int64_t r = 0; r < n; ++r) {
      const void* row =
          tensor.row(weight.rows.empty() ? first + r : weight.rows[static_cast<size_t>(first + r)]);
      char* out = bytes.data() + static_cast<size_t>(r) * row_bytes;
      if (as_is) {
        std::memcpy(out, row, row_bytes);
        continue;
      }
      tensor.format->decode(row, 0, numbers.data(), columns);
      if (weight.minus_one) std::ranges::for_each(numbers, [](float& x) { x -= 1; });
      weight.plain->format->encode(numbers.data(), nullptr, out, columns);
    }
    TERN_TRY_STATUS(writer.Append(bytes));
  }
  return {};
}

Status MakeFolder(const std::string& from, const std::string& out,
                  const std::function<Status(const std::string& folder)>& write) {
  if (StampOf(out).ok()) return BadInput(out + ": is there already, expected a new folder");
  std::string_view name = out;
  while (name.size() > 1 && name.ends_with('/')) name.remove_suffix(1);
  TERN_TRY(const std::string partial, MakeNewDirectory(std::string(name) + ".part"));
  Status status = write(partial);
  if (status.ok()) status = MoveIntoPlace(partial, std::string(name));
  if (status.ok()) return status;
  (void)RemoveTree(partial).ok();
  if (status.error().code == Code::kCancelled) return status;
  return status.error().what.starts_with(from) || status.error().what.starts_with(partial)
             ? status
             : Status(Error{status.error().code, from + ": " + status.error().what});
}

}  // namespace tern
