#pragma once
// SourceNames: what a folder calls the tensors that Tern knows by GGUF's names, for messages.

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "models/hf/mapping.h"

namespace tern {

class SourceNames {
 public:
  void Add(const HfRule& rule, std::string_view prefix, std::string_view name, const std::string& target);
  // "model.layers.1.mlp.down_proj.weight" of "blk.1.ffn_down.weight", also where the folder has no such
  // tensor: then as its other layers are called, else as the mapping has it first. "": nothing is known.
  std::string Of(std::string_view target, const HfMapping& mapping) const;

 private:
  std::map<std::string, std::string, std::less<>> names_;  // by target
  std::set<std::string_view> used_;                        // patterns
  std::string prefix_;                                     // of some tensor that has one
};

}  // namespace tern
