#include "compress/imatrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>

#include "base/file.h"
#include "io/checkpoint.h"
#include "io/cursor.h"
#include "io/gguf_writer.h"

namespace tern {
namespace {

constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";
constexpr std::string_view kTexts = "imatrix.datasets", kChunks = "imatrix.chunk_count",
                           kChunkTokens = "imatrix.chunk_size";

Status CheckStrengths(const std::string& path, const InputStrength& input) {
  for (const float energy : input.energies) {
    if (std::isfinite(energy) && energy >= 0) continue;
    return BadInput(fmt::format("{}: {}: mean square {}, expected a number that is not negative", path,
                                input.weight, energy));
  }
  return {};
}

Result<InputStrength> FromSums(const std::string& path, std::string weight, const Tensor& sums,
                               const Tensor* counts) {
  const auto bad = [&](std::string what) {
    return BadInput(fmt::format("{}: {}: {}", path, weight, std::move(what)));
  };
  if (counts == nullptr) return bad("has sums but no counts");
  if (sums.format != &F32() || counts->format != &F32()) return bad("sums or counts are not f32");
  const int64_t matrices = Elements(counts->shape);
  if (matrices < 1 || Elements(sums.shape) % matrices != 0) {
    return bad(fmt::format("sums {} for counts {}, expected a row for each count", ToString(sums.shape),
                           ToString(counts->shape)));
  }
  InputStrength input{.weight = weight, .energies = DecodeAll(sums), .tokens = DecodeAll(*counts)};
  const size_t columns = input.energies.size() / input.tokens.size();
  for (size_t i = 0; i < input.energies.size(); ++i) {
    const float count = input.tokens[i / columns];
    if (!(count >= 0)) return bad(fmt::format("count {}, expected one that is not negative", count));
    input.energies[i] = count > 0 ? input.energies[i] / count : 0.f;
  }
  if (Status status = CheckStrengths(path, input); !status.ok()) return status.error();
  return input;
}

Result<ImportanceMatrix> FromGguf(const std::string& path) {
  TERN_TRY(const std::unique_ptr<Checkpoint> file, OpenCheckpoint(path));
  ImportanceMatrix matrix;
  for (const auto& [name, tensor] : file->tensors()) {
    if (!name.ends_with(kSums)) continue;
    const std::string weight = name.substr(0, name.size() - kSums.size());
    TERN_TRY(InputStrength input, FromSums(path, weight, tensor, file->Find(weight + std::string(kCounts))));
    matrix.inputs.push_back(std::move(input));
  }
  if (matrix.inputs.empty()) return BadInput(path + ": no importances in it (tensors <weight>.in_sum2)");
  const Metadata& metadata = file->metadata();
  if (const std::vector<std::string>* texts = metadata.Strings(kTexts)) matrix.texts = *texts;
  TERN_TRY(matrix.chunks, metadata.Int(kChunks, 0));
  TERN_TRY(matrix.chunk_tokens, metadata.Int(kChunkTokens, 0));
  return matrix;
}

// i32 entries; each: i32 length and name, i32 calls, i32 numbers, f32 means times calls. Then, in all but the
// oldest files, i32 chunks, i32 length and name of the text.
class DatReader {
 public:
  DatReader(const std::string& path, std::string_view bytes)
      : path_(path), cursor_(std::as_bytes(std::span(bytes))) {}

  Result<ImportanceMatrix> Read() {
    int32_t entries = 0;
    if (!cursor_.Read(&entries) || entries < 1) {
      return BadInput(path_ + ": neither GGUF nor an importance matrix (.dat)");
    }
    ImportanceMatrix matrix;
    for (int32_t i = 0; i < entries; ++i) {
      TERN_TRY(InputStrength input, Entry(i));
      matrix.inputs.push_back(std::move(input));
    }
    int32_t chunks = 0;
    std::string_view text;
    if (cursor_.Read(&chunks)) matrix.chunks = std::max(chunks, 0);
    if (Text(&text)) matrix.texts.emplace_back(text);
    return matrix;
  }

 private:
  bool Text(std::string_view* out) {
    int32_t length = 0;
    return cursor_.Read(&length) && length >= 0 && cursor_.ReadText(static_cast<uint64_t>(length), out);
  }
  Result<InputStrength> Entry(int32_t i) {
    std::string_view name;
    int32_t calls = 0, numbers = 0;
    InputStrength input;
    if (!Text(&name) || !cursor_.Read(&calls) || !cursor_.Read(&numbers) || numbers < 1 ||
        !cursor_.ReadArray<float>(static_cast<uint64_t>(numbers), &input.energies)) {
      return BadInput(fmt::format("{}: entry {}: cut short, or no importance matrix", path_, i));
    }
    input.weight = name;
    input.tokens = {static_cast<float>(calls)};
    for (float& energy : input.energies) energy = calls > 0 ? energy / static_cast<float>(calls) : 0.f;
    if (Status status = CheckStrengths(path_, input); !status.ok()) return status.error();
    return input;
  }

  const std::string& path_;
  Cursor cursor_;
};

template <class T>
void Put(T number, std::string* out) {
  out->append(reinterpret_cast<const char*>(&number), sizeof number);
}

void PutText(std::string_view text, std::string* out) {
  Put(static_cast<int32_t>(text.size()), out);
  out->append(text);
}

std::string DatBytes(const ImportanceMatrix& matrix) {
  std::string bytes;
  Put(static_cast<int32_t>(matrix.inputs.size()), &bytes);
  for (const InputStrength& input : matrix.inputs) {
    const float most = *std::max_element(input.tokens.begin(), input.tokens.end());
    const float chunk = static_cast<float>(std::max<int64_t>(matrix.chunk_tokens, 1));
    const auto calls = static_cast<int32_t>(std::max(std::ceil(most / chunk), 1.f));
    PutText(input.weight, &bytes);
    Put(calls, &bytes);
    Put(static_cast<int32_t>(input.energies.size()), &bytes);
    for (const float energy : input.energies) Put(energy * static_cast<float>(calls), &bytes);
  }
  Put(static_cast<int32_t>(matrix.chunks), &bytes);
  PutText(matrix.texts.empty() ? "" : matrix.texts.back(), &bytes);
  return bytes;
}

Status WriteAsGguf(const std::string& path, const ImportanceMatrix& matrix) {
  Metadata metadata;
  metadata.Set("general.type", std::string("imatrix"));
  metadata.Set(std::string(kTexts), matrix.texts);
  metadata.Set(std::string(kChunks), static_cast<uint64_t>(matrix.chunks));
  metadata.Set(std::string(kChunkTokens), static_cast<uint64_t>(matrix.chunk_tokens));
  std::vector<std::vector<float>> sums;
  NamedTensors tensors;
  for (const InputStrength& input : matrix.inputs) {
    const size_t matrices = input.tokens.size(), columns = input.energies.size() / matrices;
    std::vector<float>& sum = sums.emplace_back(input.energies);
    for (size_t i = 0; i < sum.size(); ++i) sum[i] *= input.tokens[i / columns];
    const auto rows = static_cast<int64_t>(matrices), width = static_cast<int64_t>(columns);
    tensors.emplace_back(input.weight + std::string(kSums), Tensor{&F32(), {rows, width}, sum.data()});
    tensors.emplace_back(input.weight + std::string(kCounts), Tensor{&F32(), {rows, 1}, input.tokens.data()});
  }
  return WriteGguf(path, metadata, tensors);
}

}  // namespace

Result<ImportanceMatrix> ReadImportanceMatrix(const std::string& path) {
  constexpr size_t kMostBytes = size_t{1} << 32;
  TERN_TRY(const std::string bytes, ReadFile(path, kMostBytes));
  Result<ImportanceMatrix> matrix =
      bytes.starts_with("GGUF") ? FromGguf(path) : DatReader(path, bytes).Read();
  if (matrix.ok()) {
    std::vector<InputStrength>& inputs = matrix.value().inputs;
    const auto by_name = [](const InputStrength& a, const InputStrength& b) { return a.weight < b.weight; };
    std::sort(inputs.begin(), inputs.end(), by_name);
  }
  return matrix;
}

Status WriteImportanceMatrix(const std::string& path, const ImportanceMatrix& matrix) {
  for (const InputStrength& input : matrix.inputs) {
    TERN_CHECK(!input.tokens.empty() && input.energies.size() % input.tokens.size() == 0);
  }
  return path.ends_with(".dat") ? WriteFileAtomic(path, DatBytes(matrix)) : WriteAsGguf(path, matrix);
}

}  // namespace tern
