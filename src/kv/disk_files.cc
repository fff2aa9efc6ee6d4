// How a DiskTier's files are written and read.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "kv/disk_tier.h"

namespace tern {
namespace {

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags)
      : fd_(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }
  int get() const { return fd_; }
  bool Close() {
    const bool closed = fd_ < 0 || close(fd_) == 0;
    fd_ = -1;
    return closed;
  }

 private:
  int fd_;
};

Error SystemError(const std::string& path, const char* doing) {
  const int number = errno;
  const std::string what = path + ": cannot " + doing + ": " + std::generic_category().message(number);
  return number == ENOENT ? NotFound(what) : IoError(what);
}

void SetUsed(int fd, int64_t used_ns) {
  const timespec used{.tv_sec = used_ns / 1'000'000'000, .tv_nsec = used_ns % 1'000'000'000};
  const timespec times[2] = {used, used};
  (void)futimens(fd, times);
}

bool WriteAll(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return true;
}

Status Write(const std::string& path, std::span<const std::byte> bytes, int64_t used_ns) {
  const std::string temporary = path + ".tmp";
  Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (file.get() < 0) return SystemError(temporary, "create");
  bool written = WriteAll(file.get(), bytes);
  SetUsed(file.get(), used_ns);
  written = file.Close() && written && rename(temporary.c_str(), path.c_str()) == 0;
  if (written) return {};
  Error error = SystemError(temporary, "write");
  unlink(temporary.c_str());
  return error;
}

Result<std::vector<std::byte>> Read(const std::string& path, size_t most_bytes, int64_t used_ns) {
  const Descriptor file(path, O_RDONLY);
  struct stat info {};
  if (file.get() < 0 || fstat(file.get(), &info) != 0) return SystemError(path, "open");
  const auto size = static_cast<size_t>(info.st_size);
  if (!S_ISREG(info.st_mode) || size > most_bytes) return BadInput(path + ": longer than a block is");
  std::vector<std::byte> bytes(size);
  for (size_t done = 0; done < size;) {
    const ssize_t count = pread(file.get(), bytes.data() + done, size - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError(path, "read");
    if (count == 0) return BadInput(path + ": ends early");
    done += static_cast<size_t>(count);
  }
  SetUsed(file.get(), used_ns);
  return bytes;
}

}  // namespace

DiskFiles RealDiskFiles() { return {.write = Write, .read = Read}; }

}  // namespace tern
