#pragma once
// Help texts, made from the descriptors.

#include <string>

#include "cli/arguments.h"
#include "cli/command.h"

namespace tern {

// `tern --help`: all commands that are not hidden. `fd`: where it will be printed, for the colours.
std::string MainHelp(int fd);
// `tern NAME --help`: usage, arguments, options, the example last.
std::string CommandHelp(const CommandDesc& command, const Arguments& args);

}  // namespace tern
