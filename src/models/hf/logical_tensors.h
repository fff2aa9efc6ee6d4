#pragma once
// The tensors of a folder as numbers: types become formats, and quantized weights that lie in several tensors
// become one. Names stay those of Hugging Face.

#include <vector>

#include "base/result.h"
#include "io/gguf.h"
#include "io/hf_folder.h"

namespace tern {

// What has to be made lies in `buffers`; the rest looks into the folder's files.
Result<NamedTensors> LogicalTensors(const HfFolder& folder, std::vector<Buffer>* buffers);

}  // namespace tern
