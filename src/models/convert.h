#pragma once
// Writes checkpoints in other forms: as GGUF, whatever it was read from, with names and metadata as llama.cpp
// expects them; or a Hugging Face folder as another one, with plain weights.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"
#include "models/packed_weights.h"

namespace tern {

struct ConvertOptions {
  // "f32", "f16" or "bf16" for matrices of plain numbers; "": as they are. Quantized ones stay as they are,
  // and vectors and routers are always f32. To GGUF also "q8_24", for the linear weights of layers whatever
  // they are in: of each 4 of a row the 2 largest; all else is as with "".
  std::string dtype;
  uint64_t shard_bytes = 5'000'000'000;  // of safetensors files, beyond which the next begins
  // To safetensors, of GGUF: weights that stay packed, by their names in the checkpoint.
  std::map<std::string, PackedForm> packed = {};
  Metadata more = {};  // beside what the checkpoint says, and in place of it: its tokenizer
  // Bytes written; may be empty. An error ends the conversion and leaves nothing behind.
  std::function<Status(uint64_t done, uint64_t total)> progress;
};

Status ConvertToGguf(const Checkpoint& checkpoint, const std::string& path, const ConvertOptions& options);

// The folder `folder` as the new folder `out`: names as they are, all weights in `dtype`, or as they are
// where none is given, but quantized ones in bf16. Tokenizer and settings are copied.
Status ConvertToSafetensors(const std::string& folder, const std::string& out, const ConvertOptions& options);

// A GGUF checkpoint as the new folder `out` for Transformers: names and config.json of its class, and `files`
// by name beside them (a tokenizer's). Refused where the folder would not be the same model.
struct FolderFile {
  std::string name, text;
};
Status ConvertGgufToFolder(const Checkpoint& checkpoint, const std::string& out,
                           const ConvertOptions& options, const std::vector<FolderFile>& files);

}  // namespace tern
