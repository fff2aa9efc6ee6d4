#pragma once
// Valid checkpoint folders of Hugging Face, one per way in which weights are stored, to be broken one by one.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tern {

struct SafeTensor {
  std::string name;
  std::string type;  // "BF16"
  std::vector<size_t> shape;
  std::string bytes;
};

// The JSON header of a file that holds these one after the other, and its data.
struct SafeFile {
  std::string header, data;
  std::string bytes() const;  // with the header's length in front
};
SafeFile MakeSafeFile(const std::vector<SafeTensor>& tensors);

// One llama of one layer. Each of the JSON texts may be replaced by a broken one before the files are made.
struct ValidFolder {
  std::string name;
  std::string config;
  std::string index;                                    // empty: one file
  std::vector<std::pair<std::string, SafeFile>> files;  // name, content
  // How much of the first header tells this folder from the others.
  size_t own_bytes = 0;

  std::vector<std::pair<std::string, std::string>> Files() const;
};
std::vector<ValidFolder> ValidFolders();
// Folders whose files are valid, with a weight of 2^53 rows of nothing.
std::vector<ValidFolder> EmptyRowFolders();

}  // namespace tern
