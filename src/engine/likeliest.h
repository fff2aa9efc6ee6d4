#pragma once
// KeepLikeliest: the candidates of a row of logits that can still be chosen where a few of the likeliest will
// be, found in one pass over the row.

#include <cstdint>
#include <span>
#include <vector>

#include "engine/sampler.h"

namespace tern {

// Beyond, it is no gain over looking at all candidates.
inline constexpr size_t kMaxLikeliest = 1024;

// Fills `candidates`, in no order, with those of `always` (ascending) whose logits are finite and the `count`
// likeliest others. False where there are not so many others.
bool KeepLikeliest(std::span<const float> logits, size_t count, std::span<const int32_t> always,
                   std::vector<Candidate>& candidates);

}  // namespace tern
