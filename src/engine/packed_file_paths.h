#pragma once
// Where the packed weights of a model are kept between runs.

#include <cstdint>
#include <string>
#include <vector>

namespace tern {

// A model's graph of steps, or an encoder-decoder's that reads the source.
enum class PackedPart : uint8_t { kSteps, kSource };

// Beside the file ("x.gguf.tern-cache") or in the folder ("x/packed.tern-cache") that is the model, where a
// person who removes the model finds it. A model that is a link, or a folder of links, lies in someone else's
// store: then, and where the model's folder cannot be written to, it is in `cache_folder`, under a name of
// its own. The folder is made if need be. "": no such place. The second part has
// files of its own ("x.gguf.source.tern-cache").
std::vector<std::string> PackedFilePaths(const std::string& model, const std::string& cache_folder,
                                         PackedPart part = PackedPart::kSteps);

}  // namespace tern
