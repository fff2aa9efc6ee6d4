#pragma once
// A file of options, TOML: `name = value` lines, and lists of tables ([[name]]) of such lines.

#include <string>
#include <vector>

#include "base/result.h"

namespace tern {

struct ConfigTable;

struct ConfigEntry {
  enum class Kind { kBool, kValue, kList, kTables };
  std::string name;
  std::string where;  // "FILE:LINE:COLUMN" of its name
  Kind kind = Kind::kValue;
  bool is_true = false;               // kBool
  std::vector<std::string> values{};  // else, as one would write them on the command line
  std::vector<ConfigTable> tables{};  // kTables; within one, again, and no deeper
};

struct ConfigTable {
  std::string where;
  std::vector<ConfigEntry> entries;
};

// In the order of the file. Errors name file, line and column: no TOML, a single table, a date, a list of
// other things than texts and numbers.
Result<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path);

}  // namespace tern
