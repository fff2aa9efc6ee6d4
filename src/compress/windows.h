#pragma once
// Windows of tokens: texts cut so that each is read from an empty past.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/runner.h"

namespace tern {

using Windows = std::vector<std::vector<int32_t>>;

// Each of `length` tokens, the first of which is BOS where the tokenizer adds one; at most `most` of all
// windows together. A rest shorter than 16 tokens is left out.
Windows CutWindows(std::span<const int32_t> tokens, const Tokenizer& tokenizer, size_t length, size_t most);
int64_t TokensOf(const Windows& windows);

// Options for a runner that reads windows.
RunnerOptions ReaderOptions(const Windows& windows, Precision precision, int threads);
// Runs all windows, `options.step_tokens` rows at a time. visit(rows) behind each step, whose rows' logits
// the runner has.
Status ReadWindows(Runner& runner, const Windows& windows, const std::function<Status(size_t rows)>& visit);

}  // namespace tern
