#pragma once
// The Dense modules of sentence-transformers ("2_Dense"): linears behind pooling, as the tensors and keys
// that GGUF has for them.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sandbox.h"
#include "io/gguf.h"
#include "io/hf_folder.h"

namespace tern {

struct DenseModules {
  // dense_2.weight [out, in], dense_2.bias [out], dense_3.weight, ...: behind the transformer and pooling.
  NamedTensors tensors;
  // <architecture>.dense_2_feat_in and _feat_out, as llama.cpp has them, and dense_2_activation where there
  // is one: "tanh", or an activation op.
  Metadata metadata;
  // What the tensors look into.
  std::vector<std::unique_ptr<HfFolder>> folders;
  std::vector<Buffer> buffers;
};

// The first takes vectors of `width`, each other one what comes out of the one before. Errors begin with the
// path of what is wrong.
Result<DenseModules> ReadDenseModules(const std::vector<std::string>& folders, std::string_view architecture,
                                      int64_t width, Isolation isolation);

}  // namespace tern
