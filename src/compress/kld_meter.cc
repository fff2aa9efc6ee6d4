#include "compress/kld_meter.h"

#include <algorithm>
#include <chrono>

#include "base/cpu_count.h"
#include "engine/compare.h"

namespace tern {

template <class Visit>
Status KldMeter::ForEachStep(Runner& runner, const Visit& visit) const {
  size_t done = 0;
  return ReadWindows(runner, windows_, [&](size_t rows) -> Status {
    std::vector<int> measured;
    for (size_t i = 0; i < rows; ++i) {
      if ((done + i) % stride_ == 0) measured.push_back(static_cast<int>(i));
    }
    visit((done + stride_ - 1) / stride_, measured);
    done += rows;
    return {};
  });
}

Result<KldMeter> KldMeter::Make(const std::shared_ptr<const LoadedModel>& model,
                                std::vector<TextWindow> windows, const Options& options) {
  TERN_TRY_STATUS(CheckContinuesText(*model));
  if (windows.empty()) return BadInput("text to measure on: has no tokens");
  KldMeter meter;
  meter.windows_ = std::move(windows);
  meter.options_ = ReaderOptions(meter.windows_, Precision::kPrecise, options.threads);
  const int threads = options.threads > 0 ? options.threads : DefaultThreads();
  TERN_TRY(meter.backend_, OpenBackend(meter.options_.backend, {.threads = threads}));
  meter.team_ = std::make_unique<Team>(threads);
  meter.vocabulary_ = static_cast<size_t>(model->hparams().vocabulary);
  const auto tokens = static_cast<size_t>(TokensOf(meter.windows_));
  const size_t most = std::max<size_t>(1, options.bytes / sizeof(float) / meter.vocabulary_);
  meter.stride_ = (tokens + most - 1) / most;
  const size_t measured = (tokens + meter.stride_ - 1) / meter.stride_;
  meter.logits_.resize(measured * meter.vocabulary_);
  meter.norms_.resize(measured);
  TERN_TRY(meter.reference_, Runner::Make(model, meter.options_, meter.backend_));
  const auto start = std::chrono::steady_clock::now();
  TERN_TRY_STATUS(meter.ForEachStep(*meter.reference_, [&](size_t first, const std::vector<int>& rows) {
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto logits = meter.reference_->Logits(rows[i]);
      std::copy(logits.begin(), logits.end(), &meter.logits_[(first + i) * meter.vocabulary_]);
      meter.norms_[first + i] = LogSumExp(logits);
    }
  }));
  meter.seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return meter;
}

Result<double> KldMeter::Measure(const std::shared_ptr<const LoadedModel>& changed) const {
  TERN_TRY(const auto runner, Runner::Make(changed, options_, backend_));
  std::vector<double> klds(norms_.size());
  TERN_TRY_STATUS(ForEachStep(*runner, [&](size_t first, const std::vector<int>& rows) {
    TaskCounter counter;
    team_->Run([&](int) {
      counter.ForEach(rows.size(), 1, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) {
          const auto logits = runner->Logits(rows[i]);
          klds[first + i] = KlDivergence(std::span(logits_).subspan((first + i) * vocabulary_, vocabulary_),
                                         norms_[first + i], logits, LogSumExp(logits));
        }
      });
    });
  }));
  double sum = 0;
  for (const double kld : klds) sum += kld;
  return sum / static_cast<double>(klds.size());
}

}  // namespace tern
