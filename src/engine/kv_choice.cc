#include "engine/kv_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/file.h"
#include "engine/compare.h"
#include "engine/error_budget.h"
#include "engine/packed_file_paths.h"
#include "engine/sequences.h"

namespace tern {
namespace {

constexpr int kTokens = 384;
constexpr int kChunk = 32;

// What the number was measured of: the files as they are, and how they run.
std::string KeyOf(const LoadedModel& model, const RunnerOptions& options) {
  std::string key = fmt::format("tern-kv 2 precision {}", static_cast<int>(options.precision));
  for (const MappedFile& file : model.checkpoint->files()) {
    key += fmt::format(" {} {}", file.stamp().bytes, file.stamp().modified_ns);
  }
  for (const std::string& granted : options.granted) key += " " + granted;
  for (const std::string& pass : options.disabled_passes) key += " -" + pass;
  return key + " kld ";
}

std::optional<double> ReadRecord(const std::string& path, const std::string& key) {
  constexpr size_t kMostBytes = 1 << 16;
  const auto text = ReadFile(path, kMostBytes);
  if (!text.ok() || !text.value().starts_with(key)) return std::nullopt;
  const std::string_view number = std::string_view(text.value()).substr(key.size());
  double kld = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), kld);
  if (error != std::errc() || std::string_view(end, number.data() + number.size()) != "\n")
    return std::nullopt;
  return kld;
}

}  // namespace

// In lock-step, on one set of weights.
Result<double> MeasureKvType(const std::shared_ptr<const LoadedModel>& model, RunnerOptions options,
                             KvType type) {
  std::vector<int32_t> tokens = EncodeInput(*model->tokenizer, CalibrationText(), /*parse_special=*/false);
  tokens.resize(std::min<size_t>({tokens.size(), kTokens, static_cast<size_t>(model->hparams().context)}));
  if (tokens.empty()) return BadInput("KV type: the text to measure on has no tokens");
  options.context = static_cast<int>(tokens.size());
  options.sequences = 1;
  options.kv_tokens = 0;
  options.step_tokens = options.step_outputs = std::min(kChunk, options.context);
  options.own_window_blocks = false;
  options.kv_type = type;  // a graph as this type wants it: passes/rotate_kv.cc
  TERN_TRY(const auto runner, Runner::Make(model, options));
  std::unique_ptr<KvStore> other_kv = runner->MakeKv(runner->usual_kv_type());
  runner->SwapKv(&other_kv);
  Sequences usual(runner.get()), other(runner.get());
  TERN_TRY(const SequenceId usual_id, usual.Open());
  TERN_TRY(const SequenceId other_id, other.Open());
  const size_t vocabulary = runner->Logits(0).size();
  std::vector<float> want(static_cast<size_t>(options.step_tokens) * vocabulary);
  double sum = 0;
  for (size_t done = 0; done < tokens.size();) {
    const auto chunk = std::span(tokens).subspan(
        done, std::min(static_cast<size_t>(options.step_tokens), tokens.size() - done));
    const StepWork usual_work{usual_id, chunk, WantLogits::kAll},
        other_work{other_id, chunk, WantLogits::kAll};
    TERN_TRY_STATUS(usual.Step({&usual_work, 1}));
    for (size_t i = 0; i < chunk.size(); ++i) {
      std::ranges::copy(runner->Logits(static_cast<int>(i)), &want[i * vocabulary]);
    }
    runner->SwapKv(&other_kv);
    TERN_TRY_STATUS(other.Step({&other_work, 1}));
    for (size_t i = 0; i < chunk.size(); ++i) {
      const auto row = std::span(want).subspan(i * vocabulary, vocabulary);
      const auto logits = runner->Logits(static_cast<int>(i));
      sum += KlDivergence(row, LogSumExp(row), logits, LogSumExp(logits));
    }
    runner->SwapKv(&other_kv);
    done += chunk.size();
  }
  return sum / static_cast<double>(tokens.size());
}

Result<std::optional<KvType>> ChooseKvType(const std::shared_ptr<const LoadedModel>& model,
                                           const RunnerOptions& options) {
  if (options.kv_type) return options.kv_type;
  const bool rounds = options.precision == Precision::kFast || options.precision == Precision::kDefault;
  if (!rounds || !options.cache_weights || model->tokenizer == nullptr || model->built.source ||
      !CheckContinuesText(*model).ok()) {
    return std::optional<KvType>();
  }
  const auto paths = PackedFilePaths(std::string(model->checkpoint->path()), options.cache_folder);
  const std::string key = KeyOf(*model, options);
  std::optional<double> kld;
  for (size_t i = 0; i < paths.size() && !kld; ++i) kld = ReadRecord(paths[i] + ".kv", key);
  if (!kld) {
    if (paths.empty()) return std::optional<KvType>();
    TERN_TRY(kld, MeasureKvType(model, options, KvType::kInt8));
    const std::string record = key + fmt::format("{}\n", *kld);
    for (const std::string& path : paths) {
      if (WriteFileAtomic(path + ".kv", record).ok()) break;
    }
  }
  return *kld <= kMostKvKld ? std::optional(KvType::kInt8) : std::nullopt;
}

}  // namespace tern
