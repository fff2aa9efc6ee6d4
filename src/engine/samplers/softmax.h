#pragma once
// What several samplers need of the candidates.

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/sampler.h"

namespace tern {

// Largest logit first; equal logits by id, so that the order is the same on every platform.
inline bool Likelier(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

inline void SortCandidates(SamplerState& state) {
  if (!state.sorted) std::sort(state.candidates.begin(), state.candidates.end(), Likelier);
  state.sorted = true;
}

inline float MaxLogit(const std::vector<Candidate>& candidates) {
  float max = candidates.front().logit;
  for (const Candidate& c : candidates) max = std::max(max, c.logit);
  return max;
}

// sum exp(logit - max): what turns exp(logit - max) into a probability.
inline double SoftmaxSum(const std::vector<Candidate>& candidates, float max) {
  double sum = 0;
  for (const Candidate& c : candidates) sum += std::exp(static_cast<double>(c.logit - max));
  return sum;
}

}  // namespace tern
