#pragma once
// Reading windows of text with a runner, each from an empty past.

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "engine/compare.h"
#include "engine/runner.h"

namespace tern {

int64_t TokensOf(std::span<const TextWindow> windows);
// Options for a runner that reads these windows.
RunnerOptions ReaderOptions(std::span<const TextWindow> windows, Precision precision, int threads);
// Runs all windows, step_tokens() rows at a time. visit(rows) behind each step, whose rows' logits the runner
// has; or all runners have, whose options are the same.
Status ReadWindows(std::span<Runner* const> runners, std::span<const TextWindow> windows,
                   const std::function<Status(size_t rows)>& visit);
inline Status ReadWindows(Runner& runner, std::span<const TextWindow> windows,
                          const std::function<Status(size_t rows)>& visit) {
  Runner* const alone = &runner;
  return ReadWindows({&alone, 1}, windows, visit);
}

}  // namespace tern
