#pragma once
// Which models a server has, from its command line, a folder, and its file of options.

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/config_file.h"
#include "server/canary.h"

namespace tern {

// One of them; what is not set is as the server's options say.
struct ServedEntry {
  std::string ref;   // what to open, as on the command line
  std::string name;  // as clients call it
  std::vector<std::string> aliases = {};
  bool pinned = false;
  std::optional<double> idle_unload_s = {};
  std::optional<int> context = {}, parallel = {}, kv_tokens = {};
  std::optional<std::string> precision = {}, kv_type = {};
};

// As given one by one: their names are those of their files.
std::vector<ServedEntry> EntriesOf(const std::vector<std::string>& refs);
// Every GGUF file (of several parts, the first) and every checkpoint folder in `folder`, by name. kNotFound:
// there is none.
Result<std::vector<ServedEntry>> EntriesIn(const std::string& folder);
// [[models]]: path, and name, aliases, pin, idle-unload, context, parallel, kv-tokens, precision, kv-type.
Result<std::vector<ServedEntry>> EntriesOf(const std::vector<ConfigTable>& tables);
// [[aliases]]: name, to = "model" or to = [{model = "a", percent = 95}, ...], and least, error-margin, slower
// (CanaryLimits).
Result<std::vector<Canary>> AliasesOf(const std::vector<ConfigTable>& tables);

}  // namespace tern
