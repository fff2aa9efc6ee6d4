#pragma once
// Broken GGUF files, always the same ones for a seed: first every field and every cut in turn, then files
// that are built wrong, then random damage until there are enough.

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace tern {

struct BrokenFile {
  std::string what;                                         // what was done to it
  std::vector<std::pair<std::string, std::string>> shards;  // file name, bytes; the first is opened
  bool may_load = false;  // the change may leave a valid file: loading is right, or an error
};

// Calls `visit` for exactly `count` files.
void ForEachBrokenFile(uint64_t seed, size_t count, const std::function<void(const BrokenFile&)>& visit);

}  // namespace tern
