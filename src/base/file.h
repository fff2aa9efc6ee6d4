#pragma once
// Files: whole reads with a cap, writes that are there completely or not at all, and read-only mappings.
// Errors name the path and what the system said. All functions may be called from any thread; an object
// belongs to one thread at a time.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tern {

// The whole contents; an error where there are more than `max_bytes`. Reads pipes too.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes);

// Whoever opens `path` sees the old contents or the new ones, also after a crash: written beside it, synced,
// renamed over it, directory synced.
Status WriteFileAtomic(const std::string& path, std::string_view bytes);

// WriteFileAtomic in pieces. Destroyed before Commit(), it leaves nothing behind.
class AtomicFile {
 public:
  static Result<AtomicFile> Create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();
  Status Append(std::string_view bytes);
  Status Commit();

 private:
  AtomicFile(std::string path, std::string temporary, int fd);
  std::string path_;
  std::string temporary_;  // "": committed, or nothing to remove
  int fd_ = -1;
};

// A private read-only view of a regular, non-empty file. The size is that of the opened descriptor, so a
// renamed path cannot change it. (A file that someone else shortens in place still faults when read.)
class MappedFile {
 public:
  static Result<MappedFile> Open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace tern
