#include "compress/write_compressed.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <map>

#include "base/hash128.h"
#include "compress/grouped_rows.h"
#include "io/gguf_writer.h"

namespace tern {
namespace {

// llama.cpp's ids of what most of a file's weights are; 1024: guess from the tensors.
constexpr std::pair<std::string_view, uint64_t> kFileTypes[] = {
    {"f32", 0},   {"f16", 1},   {"q4_0", 2},    {"q4_1", 3},    {"q8_0", 7},
    {"q5_0", 8},  {"q5_1", 9},  {"q2_k", 10},   {"q3_k", 12},   {"q4_k", 15},
    {"q5_k", 17}, {"q6_k", 18}, {"iq4_nl", 25}, {"iq4_xs", 30}, {"bf16", 32}};
constexpr uint64_t kGuess = 1024;

uint64_t FileTypeOf(const Checkpoint& checkpoint) {
  std::map<std::string_view, size_t> bytes;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    if (tensor.shape.size() > 1)
      bytes[tensor.format->name] += tensor.row_bytes() * static_cast<size_t>(tensor.rows());
  }
  std::string_view most;
  for (const auto& [format, size] : bytes) {
    if (most.empty() || size > bytes[most]) most = format;
  }
  for (const auto& [format, id] : kFileTypes) {
    if (format == most) return id;
  }
  return kGuess;
}

std::string WeightsHash(const Compressed& compressed) {
  std::vector<uint64_t> hashes;
  for (const auto& [name, bytes] : compressed.weights) {
    const Hash128 hash = HashBytes(std::as_bytes(std::span(bytes)));
    hashes.insert(hashes.end(), {hash.low, hash.high});
  }
  const Hash128 all = HashBytes(std::as_bytes(std::span(hashes)));
  return fmt::format("xxh128:{:016x}{:016x}", all.high, all.low);
}

void AddBill(const Compressed& compressed, Metadata* metadata) {
  const auto set = [&](std::string_view key, MetaValue value) {
    metadata->Set(fmt::format("tern.compress.{}", key), std::move(value));
  };
  const Comparison& quality = compressed.report.quality;
  set("recipe", RecipeToml(compressed.recipe));
  set("source", compressed.recipe.model);
  set("source_hash", compressed.recipe.source_hash);
  set("weights_hash", WeightsHash(compressed));
  set("kld_mean", quality.kld_mean);
  if (quality.kld_interval) {
    set("kld_low", quality.kld_interval->low);
    set("kld_high", quality.kld_interval->high);
  }
  set("kld_median", quality.kld_median);
  set("kld_p99", quality.kld_p99);
  set("kld_p999", quality.kld_p999);
  set("top1", quality.top1);
  set("ln_ppl_ratio", quality.ln_ppl_ratio);
  set("tokens", quality.tokens);
  set("text", compressed.recipe.data.empty() ? std::string("built in") : compressed.recipe.data);
}

}  // namespace

Result<int64_t> GgufHeaderBytes(const Checkpoint& checkpoint, const Metadata& more) {
  Metadata metadata = checkpoint.metadata();
  for (const auto& [key, value] : more.all()) metadata.Set(key, value);
  metadata.Erase("tern.compress.recipe");
  TERN_TRY(const std::string bytes, GgufBytes(metadata, {}));
  return static_cast<int64_t>(bytes.size());
}

Status WriteCompressedGguf(const Compressed& compressed, const std::string& path, const Metadata& more) {
  ConvertOptions options;
  options.more = more;
  options.more.Set("general.file_type", FileTypeOf(*compressed.model->checkpoint));
  AddBill(compressed, &options.more);
  return ConvertToGguf(*compressed.model->checkpoint, path, options);
}

Status WriteCompressedFolder(const Compressed& compressed, const std::string& out,
                             std::vector<FolderFile> files) {
  ConvertOptions options;
  options.dtype = "bf16";
  for (const RecipeWeight& weight : compressed.recipe.weights) {
    if (weight.method == kKeep) continue;
    TERN_TRY(const Scheme scheme, ParseScheme(weight.scheme));
    if (scheme.group == 0)
      return Unsupported(fmt::format("{}: compressed-tensors has no {}", weight.name, weight.scheme));
    options.packed[weight.name] = {.bits = CodesOf(scheme).high > 15 ? 8 : 4,
                                   .group = scheme.group == Scheme::kWholeRow ? 0 : scheme.group};
  }
  files.push_back({"compress.toml", RecipeToml(compressed.recipe)});
  files.push_back({"compress.json", boost::json::serialize(ReportJson(compressed.report)) + "\n"});
  return ConvertGgufToFolder(*compressed.model->checkpoint, out, options, files);
}

}  // namespace tern
