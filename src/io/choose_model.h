#pragma once
// Which of the models in a repository or a folder is meant: GGUF files, or a folder of safetensors. Pure:
// names in, a choice out.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

// A model in GGUF form: one file, or all shards of one in order (x-00001-of-00003.gguf ...). Or the
// safetensors, config and tokenizer files at the top of a Hugging Face repository.
struct ModelChoice {
  std::string tag{};  // "Q4_K_M", as the file name has it; "safetensors" of a folder; empty: it has none
  std::vector<std::string> paths{};  // as given
  bool is_folder = false;
  std::string folder{};  // of a folder below the top (ChooseInArchive): "package/model/"; starts all paths
};

// All models among `paths`, a folder last. Companions (vision projectors, draft heads, importance matrices,
// adapters) are left out, and so are sets of shards with one missing.
std::vector<ModelChoice> FindModels(const std::vector<std::string>& paths);

// The model that `quant` names: a tag ("q4_k_m", any case) or the path of a file. Empty: the only one, or the
// first of Q4_K_M, Q8_0, Q5_K_M, ... that is there; a folder only where there is nothing else. Errors name
// `object` and list the choices.
Result<ModelChoice> ChooseModel(const std::vector<std::string>& paths, std::string_view quant,
                                std::string_view object);

// The same among all members of an archive, where a folder may lie anywhere (the outermost ones count).
// `member`: one of the paths, or a folder in which to choose; empty: anywhere.
Result<ModelChoice> ChooseInArchive(const std::vector<std::string>& paths, std::string_view member,
                                    std::string_view object);

// The path of a model that must be one file.
Result<std::string> OnlyPath(const ModelChoice& choice, std::string_view object);

}  // namespace tern
