#pragma once
// The tensors of a folder as numbers: types become formats, and quantized weights that lie in several tensors
// become one. Names stay those of Hugging Face.

#include <functional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/gguf.h"
#include "io/hf_folder.h"

namespace tern {

// Whether the weight of this name may be in two parts, "<stem>.weight" and "<stem>.scale", a number by which
// the product with it is multiplied.
using MayHaveFactorFn = std::function<bool(std::string_view name)>;

// What has to be made lies in `buffers`; the rest looks into the folder's files. Without `may_have_factor` no
// weight may.
Result<NamedTensors> LogicalTensors(const HfFolder& folder, std::vector<Buffer>* buffers,
                                    const MayHaveFactorFn& may_have_factor = {});

}  // namespace tern
