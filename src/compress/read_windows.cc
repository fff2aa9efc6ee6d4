#include "compress/read_windows.h"

#include <algorithm>

#include "engine/sequences.h"

namespace tern {
namespace {

constexpr int kStepRows = 64;

}  // namespace

int64_t TokensOf(std::span<const TextWindow> windows) {
  int64_t tokens = 0;
  for (const TextWindow& window : windows) tokens += static_cast<int64_t>(window.tokens.size());
  return tokens;
}

RunnerOptions ReaderOptions(std::span<const TextWindow> windows, Precision precision, int threads) {
  size_t longest = 1;
  for (const TextWindow& window : windows) longest = std::max(longest, window.tokens.size());
  RunnerOptions options;
  options.threads = threads;
  options.precision = precision;
  options.context = static_cast<int>(longest);
  options.step_tokens = options.step_outputs = std::min(kStepRows, options.context);
  return options;
}

Status ReadWindows(Runner& runner, std::span<const TextWindow> windows,
                   const std::function<Status(size_t rows)>& visit) {
  Sequences sequences(&runner);
  TERN_TRY(const SequenceId sequence, sequences.Open());
  const auto step = static_cast<size_t>(runner.step_tokens());
  for (const TextWindow& window : windows) {
    sequences.Truncate(sequence, 0);
    for (size_t done = 0; done < window.tokens.size(); done += step) {
      const auto part = std::span(window.tokens).subspan(done, std::min(step, window.tokens.size() - done));
      const StepWork work{sequence, part, WantLogits::kAll};
      TERN_TRY_STATUS(sequences.Step({&work, 1}));
      TERN_TRY_STATUS(visit(part.size()));
    }
  }
  return {};
}

}  // namespace tern
