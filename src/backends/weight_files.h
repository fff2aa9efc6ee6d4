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
  // Whether the first step had better be soon: what no file holds is then packed before the second step
  // (which allocates the memory), and the first packs what it needs as it goes, without keeping it. Only
  // where most weights can be packed for little more than reading them takes.
  bool pack_later = false;
};

}  // namespace tern
