#pragma once
// How multiplications are cut for caches and threads: sizes that were measured, and what they are for. None
// changes a bit of a result. docs/adaptation.md says what other sizes were tried.

#include <cstddef>

#include "backends/cpu/linear/expanded_layout.h"

namespace tern {

// Bytes that a float tile fetches ahead: large enough to hide the memory's latency, small enough not to be
// evicted from L1 before use.
inline constexpr size_t kPrefetchBytes = 2048;
// The same of an integer tile, for what is fetched to L2.
inline constexpr size_t kPrefetchFarBytes = 8192;
// Of many tiles the last ones fetch: what comes early is evicted by the rows in between.
inline constexpr int kFetchingTiles = 4;
// Nanoseconds of a chunk of work, at least; chunks of a thread, at most, where reading and where computing
// decides: the more, the less threads wait for each other at the end.
inline constexpr double kChunkNs = 2000, kMostReadChunks = 8, kMostComputeChunks = 64;
// Fewer rows do not pay for expanding panels.
inline constexpr int kExpandFrom = 24;
// Most rows at a time: panels are expanded once per block, whose rows come from L3 in time.
inline constexpr int kRowBlock = 86 * kExpandedRows;

}  // namespace tern
