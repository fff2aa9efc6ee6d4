#include "cli/command.h"

namespace tern {

#define COMMAND(name) extern const CommandDesc k_command_##name;
#include "cli/commands.list"
#undef COMMAND

std::span<const CommandDesc* const> AllCommands() {
#define COMMAND(name) &k_command_##name,
  static constexpr const CommandDesc* kAll[] = {
#include "cli/commands.list"
  };
#undef COMMAND
  return kAll;
}

}  // namespace tern
