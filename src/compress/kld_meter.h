#pragma once
// KldMeter: what changes to weights cost, measured: the mean KLD in nats per token of a changed model to the
// unmodified one, on the same windows. The unmodified model's logits are computed once and kept, where many
// changes will be measured, or it reads along each time: logits of a large vocabulary take most of a search's
// memory. Both run in int16-class precision ("precise"), whose own noise is below 1e-5.
//
// Models on the meter's backend share packed weights with the unmodified one: only what a change replaced is
// packed again. Not thread-safe.

#include <memory>
#include <vector>

#include "base/team.h"
#include "compress/read_windows.h"
#include "engine/loaded_model.h"

namespace tern {

class KldMeter {
 public:
  struct Options {
    int threads = 0;
    // Most memory for the unmodified model's logits: beyond, every second, third, ... token is measured. 0:
    // none are kept.
    size_t bytes = size_t{768} << 20;
    std::shared_ptr<Backend> backend = nullptr;  // of another meter of this model; null: one of its own
  };
  static Result<KldMeter> Make(const std::shared_ptr<const LoadedModel>& model,
                               std::vector<TextWindow> windows, const Options& options);

  Result<double> Measure(const std::shared_ptr<const LoadedModel>& changed) const;
  int64_t tokens() const { return measured_; }
  const std::shared_ptr<Backend>& backend() const { return backend_; }
  // How long one measurement takes, by the unmodified model's; 0: it was not run alone.
  double seconds() const { return seconds_; }

 private:
  KldMeter() = default;
  // Calls visit(i, first row, rows) behind each step; i counts measured tokens.
  template <class Visit>
  Status ForEachStep(std::span<Runner* const> runners, const Visit& visit) const;
  Status KeepLogits();
  // At measured token i, row `row` of the last step.
  double KldAt(size_t i, int row, Runner& changed) const;

  std::vector<TextWindow> windows_;
  RunnerOptions options_;
  std::shared_ptr<Backend> backend_;
  std::unique_ptr<Runner> reference_;  // keeps the packed weights
  std::unique_ptr<Team> team_;
  size_t stride_ = 1, vocabulary_ = 0;
  int64_t measured_ = 0;
  std::vector<float> logits_;  // [measured tokens, vocabulary]; empty: the unmodified model reads along
  std::vector<double> norms_;  // of these
  double seconds_ = 0;
};

}  // namespace tern
