#pragma once
// Writes a checkpoint, whatever it was read from, as GGUF: names and metadata as llama.cpp expects them.

#include <functional>
#include <string>

#include "base/result.h"
#include "io/checkpoint.h"

namespace tern {

struct ConvertOptions {
  // "f32", "f16" or "bf16" for matrices of plain numbers; "": as they are. Quantized ones stay as they are,
  // and vectors and routers are always f32.
  std::string dtype;
  Metadata more = {};  // beside what the checkpoint says, and in place of it: its tokenizer
  std::function<void(uint64_t done, uint64_t total)> progress;  // bytes written; may be empty
};

Status ConvertToGguf(const Checkpoint& checkpoint, const std::string& path, const ConvertOptions& options);

}  // namespace tern
