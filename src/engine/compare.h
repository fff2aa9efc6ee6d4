#pragma once
// What a change to a model costs: the next-token distributions of two runs over the same text, in lock-step.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/runner.h"

namespace tern {

// log sum exp of a row of logits.
double LogSumExp(std::span<const float> row);
// KLD(softmax(reference) || softmax(logits)) in nats; the norms are the rows' LogSumExp.
double KlDivergence(std::span<const float> reference, double reference_norm, std::span<const float> logits,
                    double norm);

struct CompareOptions {
  int window = 1024;               // tokens per window, each of which starts with BOS where the model has one
  int score_from = 1;              // the first position of a window whose token is scored
  std::string text_name = "text";  // for messages
};

struct Comparison {
  int64_t tokens = 0;  // scored
  double perplexity = 0;
  // With a reference only. KLD(reference || model) in nats over the whole vocabulary, per scored token.
  double reference_perplexity = 0;
  double kld_mean = 0, kld_p99 = 0;
  double top1 = 0;  // share of positions where both rank the same token first
};

// `reference` may be null. Both runners must have room for a step of 64 outputs. `progress(done, total)`
// counts tokens. Errors: an encoder, other vocabularies, no token to score.
Result<Comparison> Compare(Runner& model, Runner* reference, std::span<const int32_t> text,
                           const CompareOptions& options,
                           const std::function<void(int64_t, int64_t)>& progress);

}  // namespace tern
