#pragma once
// CommandDesc: one verb of `tern`. One file in cli/commands/, one line in commands.list.

#include <string_view>

#include "base/required.h"

namespace CLI {
class App;
}

namespace tern {

// Exit codes: 0 done, 1 the work failed (bad file, no such model, ...), 2 wrong usage, 130 interrupted.
inline constexpr int kExitOk = 0, kExitFailed = 1, kExitUsage = 2, kExitInterrupted = 130;

struct CommandDesc {
  std::string_view name;
  std::string_view summary;  // one line, for the list
  std::string_view example;  // shown under the options, ready to paste
  // Declares options on `app` and sets its callback, which returns through `exit_code`. What the options bind
  // to must outlive the call: keep it in a shared_ptr that the callback captures.
  Required<void (*)(CLI::App& app, int* exit_code)> setup;
};

}  // namespace tern
