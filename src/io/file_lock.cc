#include "io/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace tern {

Result<FileLock> FileLock::Take(const std::string& path, const PullEvents& events) {
  TERN_TRY_STATUS(MakeDirectories(ParentOf(path)));
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.ok()) return SystemError(path, "cannot be opened");
  for (bool told = false; flock(fd.get(), LOCK_EX | LOCK_NB) != 0;) {
    if (errno != EWOULDBLOCK && errno != EINTR) return SystemError(path, "cannot be locked");
    if (!told) events.Stage("waiting for another process that pulls this");
    told = true;
    events.Progress(0, 0);
    if (events.Cancelled()) return CancelledError();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return FileLock(std::move(fd));
}

}  // namespace tern
