#pragma once
// ModuleGroups: config.json's quantization_config.config_groups, which give groups of modules settings of
// their own. A group's `targets` are names of modules, patterns ("re:.*down_proj", which must match from the
// name's first letter on) and classes ("Linear"). As in compressed-tensors, a name counts before a pattern, a
// pattern before a class, patterns count in the order of the alphabet, and what `ignore` lists is in none.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/checkpoint.h"

namespace tern {

class ModuleGroups {
 public:
  // An error where a pattern is none, or where there are more than real configs have.
  static Result<ModuleGroups> Read(const Metadata& config);
  ModuleGroups(ModuleGroups&&) noexcept;
  ModuleGroups& operator=(ModuleGroups&&) noexcept;
  ~ModuleGroups();

  // What keys of the group of `module` begin with, "quantization_config.config_groups.group_0."; where it is
  // in none, what keys of all groups begin with. An error where patterns take too much work.
  Result<std::string> KeysOf(std::string_view module);

 private:
  struct Pattern;
  ModuleGroups();
  Status Add(const std::string& target, const std::string& keys);

  std::map<std::string, std::string, std::less<>> names_;  // of modules and classes: the group's keys
  std::vector<std::unique_ptr<Pattern>> patterns_;         // by their text
  std::set<std::string, std::less<>> ignored_;
  std::vector<std::unique_ptr<Pattern>> ignored_patterns_;
  uint32_t hard_matches_left_;
};

}  // namespace tern
