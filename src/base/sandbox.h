#pragma once
// InSandbox: reads bytes from outside in a child process that can compute and answer, and nothing else. What
// they do to their reader (a crash, a loop, endless memory, code of their own) ends there and comes back as
// an error. docs/decisions/0007-headers-are-parsed-in-a-child.md says why it is built like this.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tern {

struct SandboxLimits {
  uint64_t memory_bytes = uint64_t{1} << 30;  // beyond what this process has mapped
  uint64_t answer_bytes = uint64_t{64} << 20;
  uint32_t cpu_seconds = 20;
  uint32_t wall_ms = 60'000;
};

// What the child really is confined by: an old kernel, or one that is told so, refuses some of it.
struct SandboxLayers {
  bool resource_limits = false;  // memory, CPU time, no new descriptors, no files, no core
  bool landlock = false;         // no path can be opened
  bool system_calls = false;     // seccomp: those of memory, clocks and the answer; any other ends the child
};
std::string ToString(const SandboxLayers& layers);  // "limits, landlock, seccomp"; "none"

// The answer of `work`, which runs in a copy of this process with one thread: it may allocate and read what
// is mapped, but takes no lock that another thread may hold, and opens nothing. Its own errors come back as
// they are, at most 64 KiB of them and without control characters. `name` stands in front of every other:
// "m.gguf: the header's reader". The answer is as untrusted as what was read. Returns when the child is gone,
// and leaves descriptors, signal handlers and other children alone. Any thread may call it.
Result<std::string> InSandbox(std::string_view name, const SandboxLimits& limits,
                              const std::function<Result<std::string>()>& work);

// Starts a child to see.
Result<SandboxLayers> ProbeSandbox();

// Where a reader of untrusted bytes works.
enum class Isolation {
  kChild,
  kNone,  // in this process: for tests and fuzzers, which read thousands of files
};

}  // namespace tern
