#pragma once
// KldMeter: what changes to weights cost, measured: the mean KLD in nats per token of a changed model to the
// unmodified one, on the same windows. The unmodified model's logits are computed once and kept. Both run in
// int16-class precision ("precise"), whose own noise is below 1e-5.
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
    // Most memory for the unmodified model's logits: beyond, every second, third, ... token is measured.
    size_t bytes = size_t{768} << 20;
  };
  static Result<KldMeter> Make(const std::shared_ptr<const LoadedModel>& model,
                               std::vector<TextWindow> windows, const Options& options);

  Result<double> Measure(const std::shared_ptr<const LoadedModel>& changed) const;
  int64_t tokens() const { return static_cast<int64_t>(norms_.size()); }  // measured on
  // How long one measurement takes, by the first.
  double seconds() const { return seconds_; }

 private:
  KldMeter() = default;
  // Calls visit(i, first row, rows) behind each step; i counts measured tokens.
  template <class Visit>
  Status ForEachStep(Runner& runner, const Visit& visit) const;

  std::vector<TextWindow> windows_;
  RunnerOptions options_;
  std::shared_ptr<Backend> backend_;
  std::unique_ptr<Runner> reference_;  // keeps the packed weights
  std::unique_ptr<Team> team_;
  size_t stride_ = 1, vocabulary_ = 0;
  std::vector<float> logits_;  // [measured tokens, vocabulary]
  std::vector<double> norms_;
  double seconds_ = 0;
};

}  // namespace tern
