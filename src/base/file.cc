#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

namespace tern {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;  // grow a read by at most this much at a time

// `doing` completes "cannot": "open", "read".
Error SystemError(const std::string& path, std::string_view doing) {
  const int number = errno;
  const std::string what =
      path + ": cannot " + std::string(doing) + ": " + std::generic_category().message(number);
  return number == ENOENT ? NotFound(what) : IoError(what);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

int OpenRetrying(const std::string& path, int flags, mode_t mode = 0) {
  int fd = -1;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status SyncDirectory(const std::string& path) {
  const std::string directory = DirectoryOf(path);
  const Descriptor fd(OpenRetrying(directory, O_RDONLY | O_DIRECTORY));
  // Some network file systems cannot sync a directory and say EINVAL; the rename itself has succeeded.
  if (fd.get() < 0 || (fsync(fd.get()) != 0 && errno != EINVAL)) return SystemError(directory, "sync");
  return {};
}

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + static_cast<int64_t>(time.tv_nsec);
}

FileStamp StampOf(const struct stat& info) {
  return {info.st_dev,
          info.st_ino,
          static_cast<uint64_t>(info.st_size),
          Nanoseconds(info.st_mtim),
          Nanoseconds(info.st_ctim),
          info.st_uid,
          info.st_mode};
}

}  // namespace

Result<FileStamp> StampOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return SystemError(path, "stat");
  return StampOf(info);
}

Result<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const Descriptor fd(OpenRetrying(path, O_RDONLY));
  if (fd.get() < 0) return SystemError(path, "open");
  std::string bytes;
  size_t used = 0;
  while (true) {
    if (used == bytes.size()) bytes.resize(used + std::clamp(used, size_t{4096}, kChunkBytes));
    const ssize_t got = read(fd.get(), bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path, "read");
    if (got == 0) break;
    used += static_cast<size_t>(got);
    if (used > max_bytes) {
      return BadInput(path + ": longer than " + std::to_string(max_bytes) + " bytes, the most that is read");
    }
  }
  bytes.resize(used);
  return bytes;
}

Status WriteFileAtomic(const std::string& path, std::string_view bytes) {
  TERN_TRY(AtomicFile file, AtomicFile::Create(path));
  TERN_TRY_STATUS(file.Append(bytes));
  return file.Commit();
}

AtomicFile::AtomicFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, "")),
      fd_(std::exchange(other.fd_, -1)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(fd_, other.fd_);
  return *this;
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Result<AtomicFile> AtomicFile::Create(const std::string& path, unsigned mode) {
  static std::atomic<uint64_t> counter{0};
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    if (S_ISDIR(info.st_mode)) return BadInput(path + ": is a folder, expected a file");
    const int fd = OpenRetrying(path, O_WRONLY);
    if (fd < 0) return SystemError(path, "open");
    return AtomicFile(path, "", fd);
  }
  // Not mkstemp: the file gets the mode that the user's umask gives.
  std::string temporary = path + "." + std::to_string(getpid()) + "." + std::to_string(counter++) + ".tmp";
  const int fd = OpenRetrying(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (fd < 0) return SystemError(path, "create");
  return AtomicFile(path, std::move(temporary), fd);
}

Status AtomicFile::Append(std::string_view bytes) {
  TERN_CHECK(fd_ >= 0);
  while (!bytes.empty()) {
    const ssize_t put = write(fd_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return SystemError(path_, "write");
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Status AtomicFile::Commit() {
  TERN_CHECK(fd_ >= 0);
  if (temporary_.empty()) {
    return close(std::exchange(fd_, -1)) == 0 ? Status() : SystemError(path_, "close");
  }
  if (fsync(fd_) != 0) return SystemError(path_, "sync");
  if (close(std::exchange(fd_, -1)) != 0) return SystemError(path_, "close");
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return SystemError(path_, "replace");
  temporary_.clear();
  return SyncDirectory(path_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), stamp_(other.stamp_), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(stamp_, other.stamp_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

Result<MappedFile> MappedFile::Open(const std::string& path, Pages pages) {
  // O_NONBLOCK: opening a pipe must not wait for its writer; regular files ignore it.
  const Descriptor fd(OpenRetrying(path, O_RDONLY | O_NONBLOCK));
  if (fd.get() < 0) return SystemError(path, "open");
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return SystemError(path, "stat");
  if (S_ISDIR(info.st_mode)) return BadInput(path + ": is a folder, expected a file");
  if (!S_ISREG(info.st_mode)) return BadInput(path + ": is a device or pipe, expected a regular file");
  if (info.st_size <= 0) return BadInput(path + ": is empty");
  const size_t bytes = static_cast<size_t>(info.st_size);
  void* data = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return SystemError(path, "map");
  if (pages == Pages::kHuge) madvise(data, bytes, MADV_HUGEPAGE);
  return MappedFile(path, StampOf(info), std::span(static_cast<const std::byte*>(data), bytes));
}

void MappedFile::ReadPages() const {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const volatile std::byte* bytes = bytes_.data();
  for (size_t i = 0; i < bytes_.size(); i += page) (void)bytes[i];
}

void DropFromPageCache(const std::string& path) {
  const Descriptor fd(OpenRetrying(path, O_RDONLY | O_NONBLOCK));
  if (fd.get() >= 0) posix_fadvise(fd.get(), 0, 0, POSIX_FADV_DONTNEED);
}

void MappedFile::DropPages(std::span<const std::byte> part) const {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto first =
      std::max(reinterpret_cast<uintptr_t>(part.data()), reinterpret_cast<uintptr_t>(bytes_.data()));
  const auto last = std::min(reinterpret_cast<uintptr_t>(part.data() + part.size()),
                             reinterpret_cast<uintptr_t>(bytes_.data() + bytes_.size()));
  const uintptr_t begin = (first + page - 1) / page * page, end = last / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace tern
