#pragma once
// Broken checkpoint folders of Hugging Face, always the same ones for a seed: every value of config.json, of
// the index and of the header in turn, every cut, files that are built wrong, then random damage until there
// are enough.

#include <cstdint>
#include <functional>

#include "malformed/judge.h"

namespace tern {

// Calls `visit` for exactly `count` of them.
void ForEachBrokenFolder(uint64_t seed, size_t count, const std::function<void(const Broken&)>& visit);

}  // namespace tern
