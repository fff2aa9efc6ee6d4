#include "compress/read_windows.h"

#include <algorithm>
#include <deque>

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

Status ReadWindows(std::span<Runner* const> runners, std::span<const TextWindow> windows,
                   const std::function<Status(size_t rows)>& visit) {
  std::deque<Sequences> sequences;
  std::vector<SequenceId> ids;
  for (Runner* const runner : runners) {
    TERN_TRY(const SequenceId id, sequences.emplace_back(runner).Open());
    ids.push_back(id);
  }
  const auto step = static_cast<size_t>(runners.front()->step_tokens());
  for (const TextWindow& window : windows) {
    for (size_t i = 0; i < ids.size(); ++i) sequences[i].Truncate(ids[i], 0);
    for (size_t done = 0; done < window.tokens.size(); done += step) {
      const auto part = std::span(window.tokens).subspan(done, std::min(step, window.tokens.size() - done));
      for (size_t i = 0; i < ids.size(); ++i) {
        const StepWork work{ids[i], part, WantLogits::kAll};
        TERN_TRY_STATUS(sequences[i].Step({&work, 1}));
      }
      TERN_TRY_STATUS(visit(part.size()));
    }
  }
  return {};
}

}  // namespace tern
