#pragma once
// Broken GGUF files, always the same ones for a seed: first every field and every cut in turn, then files
// that are built wrong, then random damage until there are enough.

#include <cstdint>
#include <functional>

#include "malformed/judge.h"

namespace tern {

// Calls `visit` for exactly `count` of them; the first file, or shard, is the one to open.
void ForEachBrokenFile(uint64_t seed, size_t count, const std::function<void(const Broken&)>& visit);

}  // namespace tern
