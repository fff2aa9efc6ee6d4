#pragma once
// Block-sparse attention: which of its past a row sees.
//
// Positions fall into choice blocks of 64. A row sees its own block up to itself, the kNearBlocks before it,
// and the first one, on which models put much weight. Of those in between it takes the most promising first,
// until what is left promises no more than `leave` of the row's attention, or the share `keep` of them is
// taken. Of equals the earlier goes first.
//
// What a block promises is the attention that it would get if every key were the mean of its KV block: for
// each head, softmax(scale q mean) over the full KV blocks up to the row; the sum over the block's KV blocks,
// and the mean over the heads that share a KV head. All of those see the same.
//
// The choice is a matter of one row and the keys before it: no other row, chunk or thread changes it.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>

#include "ops/batch.h"

namespace tern {

inline constexpr int kChoiceParts = 4;  // KV blocks of a choice block
inline constexpr int kChoiceTokens = kChoiceParts * kKvBlockTokens;
inline constexpr int kFirstBlocks = 1, kNearBlocks = 2;

// The choice blocks among which a row chooses: [begin, end). What is before and behind them it sees anyway.
struct ChoiceRange {
  int begin = kFirstBlocks, end = kFirstBlocks;
  int count() const { return end - begin; }
};
inline ChoiceRange RangeOf(int position) {
  return {kFirstBlocks, std::max(kFirstBlocks, position / kChoiceTokens - kNearBlocks)};
}
// KV blocks whose means a row at `position` looks at.
inline int FullKvBlocks(int position) { return (position + 1) / kKvBlockTokens; }

struct ChoiceRule {
  double keep = 1, leave = 0;
  int MostOf(int count) const { return static_cast<int>(std::ceil(keep * count)); }
};
// The most positions that a row sees.
inline int MostSeen(int position, const ChoiceRule& rule) {
  const int count = RangeOf(position).count();
  return position + 1 - (count - rule.MostOf(count)) * kChoiceTokens;
}

// Sets the promises of blocks that are not taken to -1. Promises are >= 0 or no number, which counts as 0.
// `order`: room for as many numbers.
inline void TakeMostPromising(std::span<float> promise, const ChoiceRule& rule, std::span<uint64_t> order) {
  double left = 0;
  for (size_t b = 0; b < promise.size(); ++b) {
    if (!(promise[b] > 0)) promise[b] = 0;
    left += promise[b];
    // Bits of floats >= 0 are ordered as they are: so the largest comes first, then the earliest.
    order[b] = uint64_t{~std::bit_cast<uint32_t>(promise[b])} << 32 | b;
  }
  const auto begin = order.begin(), end = begin + static_cast<std::ptrdiff_t>(promise.size());
  const auto most = begin + rule.MostOf(static_cast<int>(promise.size()));
  if (most < end) std::nth_element(begin, most, end);
  std::sort(begin, most);
  auto taken = begin;
  for (; taken != most && left > rule.leave; ++taken) left -= promise[static_cast<uint32_t>(*taken)];
  for (; taken != end; ++taken) promise[static_cast<uint32_t>(*taken)] = -1;
}

}  // namespace tern
