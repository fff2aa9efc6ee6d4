#pragma once
// A file of options, TOML: `name = value` lines, no tables.

#include <string>
#include <vector>

#include "base/result.h"

namespace tern {

struct ConfigEntry {
  enum class Kind { kBool, kValue, kList };
  std::string name;
  std::string where;  // "FILE:LINE:COLUMN" of its name
  Kind kind = Kind::kValue;
  bool is_true = false;               // kBool
  std::vector<std::string> values{};  // else, as one would write them on the command line
};

// In the order of the file. Errors name file, line and column: no TOML, a table, a date, a list of other
// things than texts and numbers.
Result<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path);

}  // namespace tern
