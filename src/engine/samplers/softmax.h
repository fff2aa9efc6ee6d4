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

// Calls more(candidate) for the candidates in the order of `before` until it says no; they come to the front.
// Of a large vocabulary few are wanted: the front is sorted in growing pieces. Returns the number of calls.
template <class Before, class More>
size_t WalkSorted(std::vector<Candidate>& candidates, bool sorted, const Before& before, const More& more) {
  const size_t size = candidates.size();
  const auto begin = candidates.begin();
  size_t front = sorted ? size : 0, i = 0;
  while (i < size) {
    if (i == front) {
      front = std::min(size, std::max<size_t>(128, 16 * front));
      const auto from = begin + static_cast<ptrdiff_t>(i), to = begin + static_cast<ptrdiff_t>(front);
      front == size ? std::sort(from, to, before) : std::partial_sort(from, to, candidates.end(), before);
    }
    if (!more(candidates[i++])) break;
  }
  return i;
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
