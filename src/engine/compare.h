#pragma once
// What a change to a model costs: the next-token distributions of two runs over the same text, in lock-step,
// exact over the whole vocabulary. docs/quality.md says how to read what comes out.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/divergence.h"
#include "engine/runner.h"

namespace tern {

// log sum exp of a row of logits.
double LogSumExp(std::span<const float> row);
// KLD(softmax(reference) || softmax(logits)) in nats; the norms are the rows' LogSumExp.
double KlDivergence(std::span<const float> reference, double reference_norm, std::span<const float> logits,
                    double norm);

// A part of a text that is looked at apart.
struct DomainText {
  std::string domain;
  std::vector<int32_t> tokens;
};

struct TextWindow {
  int32_t domain = 0;  // an index
  std::vector<int32_t> tokens;
};

struct WindowOptions {
  int window = 1024;   // tokens per window, each of which starts with BOS where the model has one
  int score_from = 1;  // the first position of a window whose token is scored
  int windows = 0;     // at most so many, the domains' shares as equal as can be; 0: all
};

// What quality is measured with unless somebody says otherwise: 64 windows of 1024 tokens, scored from the
// 512th on, so that every scored token has something before it. Of texts that make fewer than
// kWindowsForInterval windows every token is scored, the last window being as long as it is.
WindowOptions ProtocolFor(std::span<const DomainText> text, int trained_context, bool bos);

// Windows of one domain each. Where not all are taken, evenly spread over the domain, and only whole ones.
// `bos` is -1 for models without.
std::vector<TextWindow> CutWindows(std::span<const DomainText> text, const WindowOptions& options,
                                   int32_t bos);
// The BOS that each window of a model starts with; -1: none.
int32_t WindowBos(const LoadedModel& model);

struct CompareOptions {
  int score_from = 1;
  // Positions from here on count in Comparison::by_position only; -1: those from score_from on do.
  int by_position_from = -1;
  int threads = 0;                 // that compare rows of logits; 0: one per core
  std::string text_name = "text";  // for messages
};

struct Comparison : Divergence {
  std::vector<std::pair<std::string, Divergence>> domains;  // that have scored tokens, in the text's order
  std::vector<PositionKld> by_position;                     // with a reference only
};

// `reference` may be null. `windows` name their domain by its index in `domains`. Both runners must have room
// for a window, and for a step of 64 outputs. `progress(done, total)` counts tokens. Errors: an encoder,
// other vocabularies, no token to score.
Result<Comparison> Compare(Runner& model, Runner* reference, std::span<const TextWindow> windows,
                           std::span<const std::string> domains, const CompareOptions& options,
                           const std::function<void(int64_t, int64_t)>& progress);

}  // namespace tern
