#include "compress/trim_vocabulary.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "base/hash128.h"
#include "compress/kept_tokens.h"
#include "compress/overlay_checkpoint.h"
#include "compress/read_windows.h"

namespace tern {
namespace {

// What has a row or a number for each token.
constexpr std::string_view kByToken[] = {"token_embd.weight", "output.weight", "output.bias"};

// The checkpoint of a model with some rows of its tables.
class TrimmedCheckpoint : public OverlayCheckpoint {
 public:
  TrimmedCheckpoint(const std::shared_ptr<const LoadedModel>& model, Metadata metadata,
                    const std::vector<int32_t>& kept)
      : OverlayCheckpoint(model),
        metadata_(std::move(metadata)),
        path_(fmt::format("{} ({} tokens)", base().path(), kept.size())) {
    for (const std::string_view name : kByToken) {
      if (Tensor* tensor = FindMutable(name)) *tensor = Rows(*tensor, kept);
    }
  }

  const Metadata& metadata() const override { return metadata_; }
  // Of the file that it is made from.
  size_t file_bytes() const override { return base().file_bytes(); }
  std::span<const MappedFile> files() const override { return base().files(); }
  std::string_view path() const override { return path_; }

 private:
  Tensor Rows(const Tensor& whole, const std::vector<int32_t>& kept) {
    Tensor tensor = whole;
    const bool vector = whole.shape.size() == 1;
    const size_t bytes = vector ? BlockOffset(*whole.format, 1) : whole.row_bytes();
    Buffer& rows = buffers_.emplace_back(kept.size() * bytes);
    for (size_t i = 0; i < kept.size(); ++i) {
      std::memcpy(static_cast<char*>(rows.data()) + i * bytes,
                  static_cast<const char*>(whole.data) + static_cast<size_t>(kept[i]) * bytes, bytes);
    }
    tensor.shape[0] = static_cast<int64_t>(kept.size());
    tensor.data = rows.data();
    return tensor;
  }

  Metadata metadata_;
  std::string path_;
  std::vector<Buffer> buffers_;
};

Status CheckRows(const Checkpoint& checkpoint, const std::vector<int32_t>& kept) {
  for (const std::string_view name : kByToken) {
    const Tensor* tensor = checkpoint.Find(name);
    if (tensor == nullptr) continue;
    if (tensor->shape[0] <= kept.back()) {
      return BadInput(fmt::format("{}: {} rows, expected one for each of {} tokens",
                                  checkpoint.Shown(std::string(name)), tensor->shape[0], kept.back() + 1));
    }
    if (tensor->shape.size() == 1 && tensor->format->block_weights != 1)
      return Unsupported(fmt::format("{}: in {}, expected plain numbers", checkpoint.Shown(std::string(name)),
                                     tensor->format->name));
  }
  return {};
}

}  // namespace

Result<TrimmedModel> TrimVocabulary(const std::shared_ptr<const LoadedModel>& model,
                                    const Metadata& tokenizer, const std::vector<std::string>& texts) {
  TERN_TRY_STATUS(CheckContinuesText(*model));
  if (model->tokenizer == nullptr)
    return BadInput(fmt::format("{}: has no tokenizer, whose tokens could stay", model->checkpoint->path()));
  Metadata metadata = model->checkpoint->metadata();
  for (const auto& [key, value] : tokenizer.all()) metadata.Set(key, value);
  std::vector<int32_t> used;
  for (const std::string& text : texts) model->tokenizer->Encode(text, false, &used);
  if (used.empty()) return BadInput("text whose tokens stay: is empty");
  model->tokenizer->Encode(model->chat_template, true, &used);
  // Templates write the roles that they are given.
  for (const char* role : {"system", "user", "assistant", "model", "tool"}) {
    if (!model->chat_template.empty()) model->tokenizer->Encode(role, false, &used);
  }
  TrimmedModel trimmed;
  TERN_TRY(trimmed.kept, KeptTokens(metadata, used));
  TERN_TRY_STATUS(CheckRows(*model->checkpoint, trimmed.kept));
  TERN_TRY(metadata, TrimmedTokenizer(metadata, trimmed.kept));
  if (!model->chat_template.empty()) metadata.Set("tokenizer.chat_template", model->chat_template);
  const std::string size_key = metadata.Str("general.architecture", "").value() + ".vocab_size";
  if (metadata.Has(size_key)) metadata.Set(size_key, static_cast<uint64_t>(trimmed.kept.size()));
  TERN_TRY(trimmed.model,
           LoadModel(std::make_unique<TrimmedCheckpoint>(model, std::move(metadata), trimmed.kept)));
  const Hash128 hash = HashBytes(std::as_bytes(std::span(trimmed.kept)));
  trimmed.hash = fmt::format("xxh128:{:016x}{:016x}", hash.high, hash.low);
  return trimmed;
}

Result<double> TrimmingLoss(const std::shared_ptr<const LoadedModel>& whole, const TrimmedModel& trimmed,
                            std::vector<TextWindow> windows, int threads) {
  for (TextWindow& window : windows) {
    for (int32_t& token : window.tokens) token = trimmed.kept[static_cast<size_t>(token)];
  }
  if (windows.empty()) return BadInput("text to measure on: has no tokens");
  TERN_TRY(const auto runner, Runner::Make(whole, ReaderOptions(windows, Precision::kPrecise, threads)));
  double sum = 0;
  std::vector<float> stays(trimmed.kept.size());
  TERN_TRY_STATUS(ReadWindows(*runner, windows, [&](size_t rows) -> Status {
    for (size_t i = 0; i < rows; ++i) {
      const auto logits = runner->Logits(static_cast<int>(i));
      for (size_t j = 0; j < stays.size(); ++j) stays[j] = logits[static_cast<size_t>(trimmed.kept[j])];
      sum += LogSumExp(logits) - LogSumExp(stays);
    }
    return {};
  }));
  return std::max(0.0, sum / static_cast<double>(TokensOf(windows)));
}

}  // namespace tern
