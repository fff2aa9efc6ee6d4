#pragma once
// Which of the GGUF files in a repository or a folder is meant. Pure: names in, a choice out.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

// A model in GGUF form: one file, or all shards of one in order (x-00001-of-00003.gguf ...).
struct GgufChoice {
  std::string tag;                 // "Q4_K_M", as the file name has it; empty: it has none
  std::vector<std::string> paths;  // as given
};

// All models among `paths`. Companions (vision projectors, draft heads, importance matrices) are left out,
// and so are sets of shards with one missing.
std::vector<GgufChoice> FindGgufs(const std::vector<std::string>& paths);

// The model that `quant` names: a tag ("q4_k_m", any case) or the path of a file. Empty: the only one, or the
// first of Q4_K_M, Q8_0, Q5_K_M, ... that is there. Errors name `object` and list the choices.
Result<GgufChoice> ChooseGguf(const std::vector<std::string>& paths, std::string_view quant,
                              std::string_view object);

}  // namespace tern
