#pragma once
// TokenLogprobs: how likely the model found a token that was chosen, and which it found likeliest, before any
// sampler or grammar had a say.

#include <cstdint>
#include <span>
#include <vector>

#include "engine/sampler.h"

namespace tern {

struct TokenLogprobs {
  int32_t token = -1;
  float logprob = 0;           // natural; -inf: the model ruled it out
  std::vector<Candidate> top;  // the likeliest, descending, with log probabilities in place of logits
};

// From a whole row of raw logits. The sums are taken in the order of the ids: the same row, the same bits.
TokenLogprobs FindLogprobs(std::span<const float> logits, int32_t token, size_t top);

}  // namespace tern
