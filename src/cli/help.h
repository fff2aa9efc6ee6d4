#pragma once
// Help texts, made from the descriptors.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.h"
#include "cli/command.h"

namespace tern {

// `tern --help`: all commands that are not hidden. `fd`: where it will be printed, for the colours.
std::string MainHelp(int fd);
// `tern NAME --help`: usage, arguments, options, the example last.
std::string CommandHelp(const CommandDesc& command, const Arguments& args);

// The word in `words` that `typo` was meant to be, or empty.
std::string_view ClosestWord(std::string_view typo, const std::vector<std::string_view>& words);

}  // namespace tern
