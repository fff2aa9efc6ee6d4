#pragma once
// WeightFiles: where a graph's weights come from, and where a backend may keep what it made of them.

#include <span>
#include <string>
#include <vector>

#include "base/file.h"

namespace tern {

struct WeightFiles {
  // Mapped; as long as the plan lives. None: nothing is kept between runs.
  std::span<const MappedFile> sources = {};
  // Files that may hold packed weights between runs, the most wanted first.
  std::vector<std::string> cache_paths = {};
};

}  // namespace tern
