#pragma once
// HfFolder: what a checkpoint folder of Hugging Face holds: config.json, and the tensors of model.safetensors
// or of the shards that model.safetensors.index.json lists. Names, types and keys are as they stand in the
// files; what they mean is models/hf/'s business.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "io/checkpoint.h"
#include "io/safetensors.h"

namespace tern {

class HfFolder {
 public:
  // True where `path` is a folder with a config.json.
  static bool Looks(const std::string& path);
  // `isolation`: where the headers of safetensors are parsed; the JSON files are read in this process.
  static Result<std::unique_ptr<HfFolder>> Open(const std::string& path,
                                                Isolation isolation = Isolation::kChild);

  const std::string& path() const { return path_; }
  // config.json with nested objects flattened: "rope_scaling.factor"; arrays of objects by number:
  // "config_groups.0.format". Nulls are there as such (Metadata::IsNull).
  const Metadata& config() const { return config_; }
  const NamedRawTensors& tensors() const { return tensors_; }   // sorted by name
  const RawTensor* Find(std::string_view name) const;           // nullptr: none
  size_t file_bytes() const { return file_bytes_; }             // of the tensors' files
  std::span<const MappedFile> files() const { return files_; }  // config.json, then the tensors' files

 private:
  HfFolder() = default;
  Status AddFile(const std::string& name, Isolation isolation);

  std::string path_;
  Metadata config_;
  std::vector<MappedFile> files_;
  NamedRawTensors tensors_;
  size_t file_bytes_ = 0;
};

// Whether a folder holds a tokenizer, with or without a model.
bool HasTokenizerFiles(const std::string& folder);

// A JSON file's top-level object as metadata, flattened as above; or its top-level array, whose keys begin
// with a number.
Result<Metadata> ReadJsonMetadata(const std::string& path);
Result<Metadata> ParseJsonMetadata(std::string_view text, std::string_view name);  // of an object
Result<Metadata> ReadJsonArray(const std::string& path);

}  // namespace tern
