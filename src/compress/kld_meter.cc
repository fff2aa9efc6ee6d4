#include "compress/kld_meter.h"

#include <algorithm>
#include <chrono>

#include "base/cpu_count.h"
#include "engine/compare.h"

namespace tern {

template <class Visit>
Status KldMeter::ForEachStep(std::span<Runner* const> runners, const Visit& visit) const {
  size_t done = 0;
  return ReadWindows(runners, windows_, [&](size_t rows) -> Status {
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
  meter.backend_ = options.backend;
  if (meter.backend_ == nullptr) {
    TERN_TRY(meter.backend_, OpenBackend(meter.options_.backend, {.threads = threads}));
  }
  meter.team_ = std::make_unique<Team>(threads);
  meter.vocabulary_ = static_cast<size_t>(model->hparams().vocabulary);
  const auto tokens = static_cast<size_t>(TokensOf(meter.windows_));
  if (options.bytes > 0) {
    const size_t most = std::max<size_t>(1, options.bytes / sizeof(float) / meter.vocabulary_);
    meter.stride_ = (tokens + most - 1) / most;
  }
  meter.measured_ = static_cast<int64_t>((tokens + meter.stride_ - 1) / meter.stride_);
  TERN_TRY(meter.reference_, Runner::Make(model, meter.options_, meter.backend_));
  if (options.bytes > 0) TERN_TRY_STATUS(meter.KeepLogits());
  return meter;
}

Status KldMeter::KeepLogits() {
  logits_.resize(static_cast<size_t>(measured_) * vocabulary_);
  norms_.resize(static_cast<size_t>(measured_));
  Runner* const reader = reference_.get();
  const auto start = std::chrono::steady_clock::now();
  TERN_TRY_STATUS(ForEachStep({&reader, 1}, [&](size_t first, const std::vector<int>& rows) {
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto logits = reference_->Logits(rows[i]);
      std::ranges::copy(logits, &logits_[(first + i) * vocabulary_]);
      norms_[first + i] = LogSumExp(logits);
    }
  }));
  seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return {};
}

double KldMeter::KldAt(size_t i, int row, Runner& changed) const {
  const auto logits = changed.Logits(row);
  const double norm = LogSumExp(logits);
  if (logits_.empty()) {
    const auto wanted = reference_->Logits(row);
    return KlDivergence(wanted, LogSumExp(wanted), logits, norm);
  }
  return KlDivergence(std::span(logits_).subspan(i * vocabulary_, vocabulary_), norms_[i], logits, norm);
}

Result<double> KldMeter::Measure(const std::shared_ptr<const LoadedModel>& changed) const {
  TERN_TRY(const auto runner, Runner::Make(changed, options_, backend_));
  std::vector<Runner*> readers = {runner.get()};
  if (logits_.empty()) readers.push_back(reference_.get());
  std::vector<double> klds(static_cast<size_t>(measured_));
  TERN_TRY_STATUS(ForEachStep(readers, [&](size_t first, const std::vector<int>& rows) {
    TaskCounter counter;
    team_->Run([&](int) {
      counter.ForEach(rows.size(), 1, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) klds[first + i] = KldAt(first + i, rows[i], *runner);
      });
    });
  }));
  double sum = 0;
  for (const double kld : klds) sum += kld;
  return sum / static_cast<double>(klds.size());
}

}  // namespace tern
