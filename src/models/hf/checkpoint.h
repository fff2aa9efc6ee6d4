#pragma once
// A Hugging Face folder as the GGUF checkpoint that it would convert to: metadata and tensors under GGUF's
// names and in its conventions. Tensors that need no change look into the mapped files.

#include <memory>
#include <string>

#include "base/result.h"
#include "io/checkpoint.h"

namespace tern {

// A GGUF file, or a Hugging Face folder with config.json and safetensors.
Result<std::unique_ptr<Checkpoint>> OpenModelCheckpoint(const std::string& path,
                                                        Isolation isolation = Isolation::kChild);

}  // namespace tern
