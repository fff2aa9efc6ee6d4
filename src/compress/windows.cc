#include "compress/windows.h"

#include <algorithm>

#include "engine/sequences.h"

namespace tern {
namespace {

constexpr size_t kLeastTokens = 16;
constexpr int kStepRows = 64;

}  // namespace

Windows CutWindows(std::span<const int32_t> tokens, const Tokenizer& tokenizer, size_t length, size_t most) {
  const bool bos = tokenizer.adds_bos();
  const size_t taken = length - (bos ? 1 : 0);
  Windows windows;
  for (size_t done = 0; done < tokens.size() && most >= kLeastTokens; done += taken) {
    const size_t own = std::min({taken, tokens.size() - done, most - (bos ? 1 : 0)});
    if (own < kLeastTokens && !windows.empty()) break;
    std::vector<int32_t> window;
    if (bos) window.push_back(tokenizer.bos());
    const auto part = tokens.subspan(done, own);
    window.insert(window.end(), part.begin(), part.end());
    most -= window.size();
    windows.push_back(std::move(window));
  }
  return windows;
}

int64_t TokensOf(const Windows& windows) {
  int64_t tokens = 0;
  for (const auto& window : windows) tokens += static_cast<int64_t>(window.size());
  return tokens;
}

RunnerOptions ReaderOptions(const Windows& windows, Precision precision, int threads) {
  size_t longest = 1;
  for (const auto& window : windows) longest = std::max(longest, window.size());
  RunnerOptions options;
  options.threads = threads;
  options.precision = precision;
  options.context = static_cast<int>(longest);
  options.step_tokens = options.step_outputs = std::min(kStepRows, options.context);
  return options;
}

Status ReadWindows(Runner& runner, const Windows& windows, const std::function<Status(size_t rows)>& visit) {
  Sequences sequences(&runner);
  TERN_TRY(const SequenceId sequence, sequences.Open());
  const auto step = static_cast<size_t>(runner.step_tokens());
  for (const auto& window : windows) {
    sequences.Truncate(sequence, 0);
    for (size_t done = 0; done < window.size(); done += step) {
      const auto part = std::span(window).subspan(done, std::min(step, window.size() - done));
      const StepWork work{sequence, part, WantLogits::kAll};
      TERN_TRY_STATUS(sequences.Step({&work, 1}));
      TERN_TRY_STATUS(visit(part.size()));
    }
  }
  return {};
}

}  // namespace tern
