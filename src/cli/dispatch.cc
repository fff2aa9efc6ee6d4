#include "cli/dispatch.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "base/closest_word.h"
#include "base/isa.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/help.h"
#include "cli/terminal.h"

namespace tern {
namespace {

const CommandDesc* FindCommand(std::string_view name) {
  for (const CommandDesc* command : AllCommands()) {
    if (command->name == name) return command;
  }
  return nullptr;
}

void PrintError(std::string_view what) {
  std::fflush(stdout);
  fmt::print(stderr, "{} {}\n", Styled(2, Style::kRed, "tern:"), what);
}

int UnknownCommand(std::string_view name) {
  std::vector<std::string_view> names;
  for (const CommandDesc* command : AllCommands()) {
    if (!command->hidden) names.push_back(command->name);
  }
  const std::string_view closest = ClosestWord(name, names);
  const std::string hint = closest.empty() ? "" : fmt::format("; did you mean '{}'?", closest);
  PrintError(fmt::format("{}: no such command{}\nTry 'tern --help'.", Printable(name), hint));
  return kExitUsage;
}

int ExitCodeOf(const Error& error) {
  if (error.code == Code::kCancelled) return kExitInterrupted;
  return kExitFailed;
}

// Output that could not be written (a full disk, a closed pipe) is a failure, not a success.
int AfterFlush(int exit_code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  if (exit_code == kExitOk) PrintError("standard output: cannot be written");
  return exit_code == kExitOk ? kExitFailed : exit_code;
}

int RunCommand(const CommandDesc& command, const std::vector<std::string>& words) {
  Arguments args;
  command.setup(args);
  const Result<Arguments::Parsed> parsed = args.Parse(words);
  if (!parsed.ok()) {
    PrintError(fmt::format("{}: {}\nTry 'tern {} --help'.", command.name, parsed.error().what, command.name));
    return kExitUsage;
  }
  if (parsed.value() == Arguments::Parsed::kHelp) {
    fmt::print("{}", CommandHelp(command, args));
    return AfterFlush(kExitOk);
  }
  const Status status = args.RunParsed();
  if (status.ok()) return AfterFlush(kExitOk);
  if (!status.error().what.empty()) PrintError(status.error().what);
  return AfterFlush(ExitCodeOf(status.error()));
}

int DispatchWords(std::vector<std::string> words) {
  if (words.empty()) {
    fmt::print(stderr, "{}", MainHelp(2));
    return kExitUsage;
  }
  std::string name = words[0];
  words.erase(words.begin());
  if (name == "--version") name = "version";
  if (name == "--help" || name == "-h" || name == "help") {
    if (words.empty() || words[0].starts_with('-')) {
      fmt::print("{}", MainHelp(1));
      return AfterFlush(kExitOk);
    }
    name = words[0];
    words = {"--help"};
  }
  const CommandDesc* command = FindCommand(name);
  if (command == nullptr) return UnknownCommand(name);
  return RunCommand(*command, words);
}

}  // namespace

// No exception crosses a module border; this is the last border, for what the standard library throws.
int Dispatch(int argc, char** argv) {
  signal(SIGXFSZ, SIG_IGN);  // beyond a limit on file sizes, writing fails, and says where
  try {
    if (const Status cap = CheckIsaCap(); !cap.ok()) {
      PrintError(cap.error().what);
      return kExitUsage;
    }
    return DispatchWords(std::vector<std::string>(argv + (argc > 0), argv + argc));
  } catch (const std::bad_alloc&) {
    PrintError("out of memory");
  } catch (const std::exception& error) {
    PrintError(fmt::format("internal error: {}", error.what()));
  }
  return kExitFailed;
}

}  // namespace tern
