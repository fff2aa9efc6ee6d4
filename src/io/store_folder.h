#pragma once
// StoreFolder: one model in the store: a folder with model.json and the file, or the folder of files, that
// it describes.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

// A file of a model that is a folder; `path` as in there.
struct StoredFile {
  std::string path{};
  uint64_t bytes = 0;
};

// What model.json holds. `sha256` of a folder: of what `sha256sum` prints for its files, in the order of
// their paths.
struct Manifest {
  std::string name{}, licence{}, file{}, sha256{};
  std::vector<std::string> sources{};
  uint64_t bytes = 0;
  std::vector<StoredFile> files{};  // none: `file` is one file
};
Result<Manifest> ParseManifest(std::string_view json, std::string_view path);
std::string ToJson(const Manifest& manifest);

class StoreFolder {
 public:
  // `name`: of the catalogue, or a reference like "https://..."; any text maps to one folder name.
  StoreFolder(const std::string& home, std::string_view name);
  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& lock_path() const { return lock_path_; }

  // kNotFound: no model here, or not all of it.
  Result<Manifest> Read() const;
  Status Write(const Manifest& manifest) const;
  bool Exists() const;

 private:
  std::string path_, lock_path_;
};

// Every complete model below `home`, with its folder's path.
struct StoredModel {
  Manifest manifest;
  std::string path;  // of the file or folder
};
std::vector<StoredModel> StoredModels(const std::string& home);

}  // namespace tern
