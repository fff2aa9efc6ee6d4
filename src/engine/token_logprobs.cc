#include "engine/token_logprobs.h"

#include <algorithm>
#include <cmath>

#include "engine/likeliest.h"

namespace tern {
namespace {

// ln of the sum of exp, over what is finite.
double LogSum(std::span<const float> logits) {
  float max = -INFINITY;
  for (const float x : logits) {
    if (std::isfinite(x)) max = std::max(max, x);
  }
  double sum = 0;
  for (const float x : logits) {
    if (std::isfinite(x)) sum += std::exp(x - max);
  }
  return static_cast<double>(max) + std::log(sum);
}

}  // namespace

TokenLogprobs FindLogprobs(std::span<const float> logits, int32_t token, size_t top) {
  const double log_sum = LogSum(logits);
  const auto logprob = [log_sum](float logit) {
    return std::isfinite(logit) ? static_cast<float>(static_cast<double>(logit) - log_sum) : -INFINITY;
  };
  TokenLogprobs found{.token = token, .logprob = logprob(logits[static_cast<size_t>(token)]), .top = {}};
  if (top == 0) return found;
  KeepLikeliest(logits, std::min(top, logits.size()), {}, found.top);  // fewer where fewer are finite
  std::ranges::sort(found.top, [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  });
  for (Candidate& candidate : found.top) candidate.logit = logprob(candidate.logit);
  return found;
}

}  // namespace tern
