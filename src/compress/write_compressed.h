#pragma once
// Writes what Compress made as GGUF, atomically, with recipe, bill and hashes in the metadata:
//
//   tern.compress.recipe         TOML (compress/recipe.h)
//   tern.compress.source, .source_hash
//   tern.compress.weights_hash   of the encoded weights, in the order of their names
//   tern.compress.kld_mean, .kld_low, .kld_high, .kld_median, .kld_p99, .kld_p999, .top1, .ln_ppl_ratio
//   tern.compress.tokens, .text  scored, and where they are from

#include <string>
#include <vector>

#include "compress/compress.h"
#include "io/checkpoint.h"
#include "models/convert.h"

namespace tern {

// Bytes of a GGUF file of `checkpoint` with `more` metadata, beside its tensors and what is said of each.
Result<int64_t> GgufHeaderBytes(const Checkpoint& checkpoint, const Metadata& more);
// `more`: a folder's tokenizer. `path` is there whole or not at all.
Status WriteCompressedGguf(const Compressed& compressed, const std::string& path, const Metadata& more);

// The same as a folder of compressed-tensors, with `files` (a tokenizer's) and the recipe beside the weights.
Status WriteCompressedFolder(const Compressed& compressed, const std::string& out,
                             std::vector<FolderFile> files);

}  // namespace tern
