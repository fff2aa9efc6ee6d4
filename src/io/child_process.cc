#include "io/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

extern char** environ;

namespace tern {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::vector<std::string>& more) {
  std::vector<std::string> all(more);
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view name = std::string_view(*at).substr(0, std::string_view(*at).find('=') + 1);
    bool replaced = false;
    for (const std::string& line : more) replaced = replaced || line.starts_with(name);
    if (!replaced) all.emplace_back(*at);
  }
  return all;
}

// posix_spawn's two option objects, freed together.
struct SpawnSetup {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

Result<pid_t> Spawn(const ChildOptions& options) {
  SpawnSetup setup;
  posix_spawn_file_actions_addopen(&setup.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&setup.actions, 1, options.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                   0644);
  posix_spawn_file_actions_adddup2(&setup.actions, 1, 2);
  // A group of its own: Ctrl-C reaches us alone, and we end the child and what it started.
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  posix_spawnattr_setsigdefault(&setup.attributes, &defaults);
  posix_spawnattr_setpgroup(&setup.attributes, 0);
  posix_spawnattr_setflags(&setup.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  const std::vector<std::string> environment = Environment(options.environment);
  pid_t pid = 0;
  const int code = posix_spawnp(&pid, options.words[0].c_str(), &setup.actions, &setup.attributes,
                                Pointers(options.words).data(), Pointers(environment).data());
  if (code == 0) return pid;
  return Error{code == ENOENT ? Code::kNotFound : Code::kIo,
               fmt::format("{}: cannot be started: {}", options.words[0], strerror(code))};
}

void EndGroup(pid_t pid) {
  kill(-pid, SIGTERM);
  int state = 0;
  for (int i = 0; i < 20; ++i) {
    if (waitpid(pid, &state, WNOHANG) == pid) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  kill(-pid, SIGKILL);
  waitpid(pid, &state, 0);
}

}  // namespace

Result<int> RunChild(const ChildOptions& options) {
  TERN_CHECK(!options.words.empty());
  TERN_TRY(const pid_t pid, Spawn(options));
  for (;;) {
    int state = 0;
    const pid_t ended = waitpid(pid, &state, WNOHANG);
    if (ended == pid) return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    if (ended < 0 && errno != EINTR) {
      return IoError(fmt::format("{}: cannot be waited for: {}", options.words[0], strerror(errno)));
    }
    if (options.keep_going && !options.keep_going()) {
      EndGroup(pid);
      return Error{Code::kCancelled, fmt::format("{}: interrupted", options.words[0])};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace tern
