#pragma once
// FileLock: one process at a time pulls a given file. The lock is the operating system's (flock), so it ends
// with its process; the lock file stays. The same lock that the Hub's own tools take.

#include <string>

#include "base/result.h"
#include "io/files.h"
#include "io/pull_events.h"

namespace tern {

class FileLock {
 public:
  // Waits for whoever holds it, says so through `events.stage`, and can be cancelled.
  static Result<FileLock> Take(const std::string& path, const PullEvents& events);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace tern
