#include "engine/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/sequences.h"

namespace tern {
namespace {

constexpr int kChunk = 64;

struct Totals {
  double nll = 0, reference_nll = 0;
  int64_t tokens = 0, same_top = 0;
  std::vector<double> kld;
};

size_t Top(std::span<const float> row) {
  return static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

// One scored position: the rows predict `next`.
void Score(std::span<const float> row, std::span<const float> reference, int32_t next, Totals* t) {
  const double norm = LogSumExp(row);
  ++t->tokens;
  t->nll += norm - static_cast<double>(row[static_cast<size_t>(next)]);
  if (reference.empty()) return;
  const double reference_norm = LogSumExp(reference);
  t->reference_nll += reference_norm - static_cast<double>(reference[static_cast<size_t>(next)]);
  t->kld.push_back(KlDivergence(reference, reference_norm, row, norm));
  t->same_top += Top(row) == Top(reference);
}

// A runner with a sequence open for one window after another; or none.
class Reader {
 public:
  explicit Reader(Runner* runner) : runner_(runner) {
    if (runner == nullptr) return;
    sequences_.emplace(runner);
    sequence_ = sequences_->Open().value();
  }
  void Restart() {
    if (sequences_) sequences_->Truncate(sequence_, 0);
  }
  Status Step(std::span<const int32_t> tokens) {
    if (!sequences_) return {};
    const StepWork work{sequence_, tokens, WantLogits::kAll};
    return sequences_->Step({&work, 1});
  }
  std::span<const float> Logits(int i) const {
    return runner_ == nullptr ? std::span<const float>() : runner_->Logits(i);
  }

 private:
  Runner* runner_;
  std::optional<Sequences> sequences_;
  SequenceId sequence_ = -1;
};

Status ScoreWindow(Reader& model, Reader& reference, std::span<const int32_t> tokens, int score_from,
                   Totals* totals) {
  model.Restart();
  reference.Restart();
  for (size_t done = 0; done < tokens.size(); done += kChunk) {
    const auto chunk = tokens.subspan(done, std::min<size_t>(kChunk, tokens.size() - done));
    TERN_TRY_STATUS(model.Step(chunk));
    TERN_TRY_STATUS(reference.Step(chunk));
    for (size_t i = 0; i < chunk.size(); ++i) {
      const size_t next = done + i + 1;
      if (next >= tokens.size() || next < static_cast<size_t>(score_from)) continue;
      const int row = static_cast<int>(i);
      Score(model.Logits(row), reference.Logits(row), tokens[next], totals);
    }
  }
  return {};
}

Comparison Summarize(Totals& t) {
  Comparison c;
  const auto n = static_cast<double>(std::max<int64_t>(t.tokens, 1));
  c.tokens = t.tokens;
  c.perplexity = std::exp(t.nll / n);
  if (t.kld.empty()) return c;
  c.reference_perplexity = std::exp(t.reference_nll / n);
  for (const double kld : t.kld) c.kld_mean += kld / n;
  std::sort(t.kld.begin(), t.kld.end());
  c.kld_p99 = t.kld[std::min(t.kld.size() - 1, static_cast<size_t>(0.99 * n))];
  c.top1 = static_cast<double>(t.same_top) / n;
  return c;
}

}  // namespace

double LogSumExp(std::span<const float> row) {
  const double max = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const float x : row) sum += std::exp(static_cast<double>(x) - max);
  return max + std::log(sum);
}

double KlDivergence(std::span<const float> reference, double reference_norm, std::span<const float> logits,
                    double norm) {
  double kld = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double log_p = static_cast<double>(reference[i]) - reference_norm;
    kld += std::exp(log_p) * (log_p - (static_cast<double>(logits[i]) - norm));
  }
  return kld;
}

Result<Comparison> Compare(Runner& model, Runner* reference, std::span<const int32_t> text,
                           const CompareOptions& options,
                           const std::function<void(int64_t, int64_t)>& progress) {
  TERN_TRY_STATUS(CheckContinuesText(model.model()));
  if (reference != nullptr) TERN_TRY_STATUS(CheckContinuesText(reference->model()));
  if (reference != nullptr && reference->model().hparams().vocabulary != model.model().hparams().vocabulary) {
    return BadInput(fmt::format("reference: vocabulary of {}, expected {}",
                                reference->model().hparams().vocabulary, model.model().hparams().vocabulary));
  }
  Reader reader(&model), reference_reader(reference);
  const Tokenizer* tokenizer = model.model().tokenizer.get();
  const bool bos = tokenizer != nullptr && tokenizer->adds_bos();
  const size_t taken = static_cast<size_t>(options.window) - (bos ? 1 : 0);
  Totals totals;
  std::vector<int32_t> window;
  for (size_t done = 0; done < text.size(); done += taken) {
    window.clear();
    if (bos) window.push_back(tokenizer->bos());
    const auto part = text.subspan(done, std::min(taken, text.size() - done));
    window.insert(window.end(), part.begin(), part.end());
    TERN_TRY_STATUS(ScoreWindow(reader, reference_reader, window, options.score_from, &totals));
    if (progress) progress(static_cast<int64_t>(done + part.size()), static_cast<int64_t>(text.size()));
  }
  if (totals.tokens == 0) {
    return BadInput(fmt::format("{}: {} tokens, none of them at position {} or later of a window",
                                options.text_name, text.size(), options.score_from));
  }
  return Summarize(totals);
}

}  // namespace tern
