#include "engine/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "base/cpu_count.h"
#include "base/team.h"
#include "engine/sequences.h"

namespace tern {
namespace {

constexpr int kChunk = 64;
constexpr int kPositionBins = 32;
constexpr int kProtocolWindow = 1024, kProtocolWindows = 64;

size_t Top(std::span<const float> row) {
  return static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

// The rows predict `next`.
void Score(std::span<const float> row, std::span<const float> reference, int32_t next, ScoredToken* t) {
  const double norm = LogSumExp(row);
  t->nll = norm - static_cast<double>(row[static_cast<size_t>(next)]);
  if (reference.empty()) return;
  const double reference_norm = LogSumExp(reference);
  t->reference_nll = reference_norm - static_cast<double>(reference[static_cast<size_t>(next)]);
  t->kld = KlDivergence(reference, reference_norm, row, norm);
  t->same_top = Top(row) == Top(reference);
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
  Status Step(std::span<const int32_t> tokens, WantLogits logits) {
    if (!sequences_) return {};
    const StepWork work{sequence_, tokens, logits};
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

// Two runners go through windows side by side.
class Scorer {
 public:
  Scorer(Runner& model, Runner* reference, int from, int threads)
      : model_(&model), reference_(reference), from_(from), team_(threads > 0 ? threads : DefaultThreads()) {}

  Status Score(const TextWindow& window, int number) {
    model_.Restart();
    reference_.Restart();
    const std::span<const int32_t> tokens = window.tokens;
    for (size_t done = 0; done + 1 < tokens.size();) {
      const size_t rows = std::min<size_t>(kChunk, tokens.size() - done);
      // Row i says what stands at done + i + 1.
      const bool scored = static_cast<int>(done + rows) >= from_;
      const auto chunk = tokens.subspan(done, rows);
      TERN_TRY_STATUS(model_.Step(chunk, scored ? WantLogits::kAll : WantLogits::kNone));
      TERN_TRY_STATUS(reference_.Step(chunk, scored ? WantLogits::kAll : WantLogits::kNone));
      if (scored) ScoreRows(window, number, done, rows);
      done += rows;
    }
    return {};
  }
  std::vector<ScoredToken>& scored() { return scored_; }

 private:
  void ScoreRows(const TextWindow& window, int number, size_t done, size_t rows) {
    const size_t first = std::max<size_t>(done + 1, static_cast<size_t>(std::max(from_, 1)));
    const size_t end = std::min(done + rows + 1, window.tokens.size());
    if (first >= end) return;
    const size_t before = scored_.size();
    scored_.resize(before + (end - first));
    TaskCounter counter;
    team_.Run([&](int) {
      counter.ForEach(end - first, 1, [&](size_t i, size_t) {
        ScoredToken& t = scored_[before + i];
        t.window = number;
        t.domain = window.domain;
        t.position = static_cast<int32_t>(first + i);
        const int row = static_cast<int>(first + i - 1 - done);
        tern::Score(model_.Logits(row), reference_.Logits(row), window.tokens[first + i], &t);
      });
    });
  }

  Reader model_, reference_;
  int from_;
  Team team_;
  std::vector<ScoredToken> scored_;
};

Comparison Conclude(std::vector<ScoredToken>& scored, std::span<const std::string> domains,
                    bool has_reference, int score_from) {
  Comparison c;
  if (has_reference) c.by_position = KldByPosition(scored, kPositionBins);
  std::erase_if(scored, [&](const ScoredToken& t) { return t.position < score_from; });
  static_cast<Divergence&>(c) = Summarize(scored, has_reference);
  for (size_t i = 0; i < domains.size(); ++i) {
    std::vector<ScoredToken> of_domain;
    std::copy_if(scored.begin(), scored.end(), std::back_inserter(of_domain),
                 [&](const ScoredToken& t) { return t.domain == static_cast<int32_t>(i); });
    if (!of_domain.empty()) c.domains.emplace_back(domains[i], Summarize(of_domain, has_reference));
  }
  return c;
}

Status CheckSameVocabulary(const LoadedModel& model, const LoadedModel& reference) {
  TERN_TRY_STATUS(CheckContinuesText(reference));
  const int vocabulary = model.hparams().vocabulary;
  if (reference.hparams().vocabulary != vocabulary) {
    return BadInput(
        fmt::format("reference: vocabulary of {}, expected {}", reference.hparams().vocabulary, vocabulary));
  }
  if (model.tokenizer == nullptr || reference.tokenizer == nullptr) return {};
  std::string piece, expected;
  for (int32_t id = 0; id < vocabulary; ++id) {
    piece.clear();
    expected.clear();
    reference.tokenizer->AppendPiece(id, /*with_special=*/true, &piece);
    model.tokenizer->AppendPiece(id, /*with_special=*/true, &expected);
    if (piece != expected) {
      return BadInput(fmt::format("reference: another tokenizer, whose token {} is not the model's", id));
    }
  }
  return {};
}

// How many windows each domain gives: as equal as what they have allows.
std::vector<size_t> ShareWindows(const std::vector<size_t>& have, size_t most) {
  std::vector<size_t> share(have.size());
  for (bool more = true; more && most > 0;) {
    more = false;
    for (size_t i = 0; i < have.size() && most > 0; ++i) {
      if (share[i] == have[i]) continue;
      ++share[i];
      --most;
      more = true;
    }
  }
  return share;
}

size_t WholeWindows(std::span<const DomainText> text, size_t taken) {
  size_t windows = 0;
  for (const DomainText& part : text) windows += part.tokens.size() / taken;
  return windows;
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

WindowOptions ProtocolFor(std::span<const DomainText> text, int trained_context, bool bos) {
  WindowOptions options{.window = kProtocolWindow};
  if (trained_context > 1) options.window = std::min(options.window, trained_context);
  const size_t windows = WholeWindows(text, static_cast<size_t>(options.window) - (bos ? 1 : 0));
  if (windows < static_cast<size_t>(kWindowsForInterval)) return options;
  options.score_from = options.window / 2;
  options.windows = kProtocolWindows;
  return options;
}

std::vector<TextWindow> CutWindows(std::span<const DomainText> text, const WindowOptions& options,
                                   int32_t bos) {
  const size_t taken = static_cast<size_t>(options.window) - (bos >= 0 ? 1 : 0);
  const auto most = static_cast<size_t>(options.windows);
  const bool all = most == 0 || WholeWindows(text, taken) < most;
  std::vector<size_t> have, share;
  for (const DomainText& part : text) {
    have.push_back(all ? (part.tokens.size() + taken - 1) / taken : part.tokens.size() / taken);
  }
  share = all ? have : ShareWindows(have, most);
  std::vector<TextWindow> windows;
  for (size_t domain = 0; domain < text.size(); ++domain) {
    const std::span<const int32_t> tokens = text[domain].tokens;
    for (size_t i = 0; i < share[domain]; ++i) {
      const size_t from = i * have[domain] / share[domain] * taken;
      const auto part = tokens.subspan(from, std::min(taken, tokens.size() - from));
      TextWindow& window = windows.emplace_back(TextWindow{static_cast<int32_t>(domain), {}});
      if (bos >= 0) window.tokens.push_back(bos);
      window.tokens.insert(window.tokens.end(), part.begin(), part.end());
    }
  }
  return windows;
}

int32_t WindowBos(const LoadedModel& model) {
  return model.tokenizer != nullptr && model.tokenizer->adds_bos() ? model.tokenizer->bos() : -1;
}

Result<Comparison> Compare(Runner& model, Runner* reference, std::span<const TextWindow> windows,
                           std::span<const std::string> domains, const CompareOptions& options,
                           const std::function<void(int64_t, int64_t)>& progress) {
  TERN_TRY_STATUS(CheckContinuesText(model.model()));
  if (reference != nullptr) TERN_TRY_STATUS(CheckSameVocabulary(model.model(), reference->model()));
  const int from = options.by_position_from < 0 ? options.score_from
                                                : std::min(options.by_position_from, options.score_from);
  Scorer scorer(model, reference, from, options.threads);
  int64_t done = 0, total = 0;
  for (const TextWindow& window : windows) total += static_cast<int64_t>(window.tokens.size());
  for (size_t i = 0; i < windows.size(); ++i) {
    TERN_TRY_STATUS(scorer.Score(windows[i], static_cast<int>(i)));
    done += static_cast<int64_t>(windows[i].tokens.size());
    if (progress) progress(done, total);
  }
  Comparison comparison = Conclude(scorer.scored(), domains, reference != nullptr, options.score_from);
  if (comparison.tokens > 0) return comparison;
  return BadInput(fmt::format("{}: {} tokens, none of them at position {} or later of a window",
                              options.text_name, total, options.score_from));
}

}  // namespace tern
