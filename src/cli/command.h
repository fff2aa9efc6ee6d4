#pragma once
// CommandDesc: one verb of `tern`. One file in cli/commands/, one line in commands.list.

#include <span>
#include <string_view>

#include "base/required.h"

namespace tern {

class Arguments;

// Exit codes: 0 done, 1 the work failed (bad file, no such model, ...), 2 wrong usage, 130 interrupted.
inline constexpr int kExitOk = 0, kExitFailed = 1, kExitUsage = 2, kExitInterrupted = 130;

struct CommandDesc {
  std::string_view name;
  std::string_view summary;  // one line, for the list
  std::string_view example;  // shown under the options, ready to paste; lines split by '\n'
  // Declares the command's arguments and what runs (cli/arguments.h). What the arguments bind to must outlive
  // the call: keep it in a shared_ptr that the lambda given to Run captures.
  Required<void (*)(Arguments& args)> setup;
  bool hidden = false;  // works, but is not in the list
};

// In the order of commands.list.
std::span<const CommandDesc* const> AllCommands();

}  // namespace tern
