#include "engine/packed_file_paths.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "base/sha256.h"
#include "io/files.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

// The file that says whether a model is linked: itself, or of a folder the first one that holds tensors.
bool IsLinked(const std::string& model) {
  std::error_code error;
  if (!fs::is_directory(model, error)) return fs::is_symlink(model, error);
  for (fs::directory_iterator at(model, error), end; !error && at != end; at.increment(error)) {
    std::error_code not_read;
    if (at->path().extension() == ".safetensors" && at->is_symlink(not_read)) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> PackedFilePaths(const std::string& model, const std::string& cache_folder,
                                         PackedPart part) {
  const std::string suffix = part == PackedPart::kSource ? ".source.tern-cache" : ".tern-cache";
  std::vector<std::string> paths;
  const bool is_folder = IsDirectory(model);
  const std::string folder = is_folder ? model : ParentOf(model);
  if (!IsLinked(model) && access(folder.c_str(), W_OK) == 0) {
    paths.push_back(is_folder ? folder + "/packed" + suffix : model + suffix);
  }
  if (cache_folder.empty()) return paths;
  std::error_code error;
  const std::string whole = fs::canonical(model, error);
  if (error || !MakeDirectories(cache_folder).ok()) return paths;
  paths.push_back(cache_folder + "/" + Sha256Hex(whole).substr(0, 16) + suffix);
  return paths;
}

}  // namespace tern
