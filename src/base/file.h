#pragma once
// Files: whole reads with a cap, writes that are there completely or not at all, and read-only mappings.
// Errors name the path and what the system said. All functions may be called from any thread; an object
// belongs to one thread at a time.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace tern {

// The whole contents; an error where there are more than `max_bytes`. Reads pipes too.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes);

// Whoever opens `path` sees the old contents or the new ones, also after a crash: written beside it, synced,
// renamed over it, directory synced.
Status WriteFileAtomic(const std::string& path, std::string_view bytes);

// Which file this is, in which state: any write to it, and any file put in its place, changes the stamp. (Two
// writes within one tick of the file system's clock, some milliseconds, may share one.)
struct FileStamp {
  uint64_t device = 0, inode = 0, bytes = 0;
  int64_t modified_ns = 0, changed_ns = 0;  // of the contents; of the contents or the inode
  uint32_t owner = 0, mode = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};
Result<FileStamp> StampOf(const std::string& path);

// Takes a file that was synced out of the page cache, but for what somebody maps. Failing is no error.
void DropFromPageCache(const std::string& path);

// WriteFileAtomic in pieces. Destroyed before Commit(), it leaves nothing behind. A device or pipe of that
// name is written to as it is: /dev/null and /dev/stdout must not be replaced.
class AtomicFile {
 public:
  // `mode` as of open(2), less what the umask takes.
  static Result<AtomicFile> Create(const std::string& path, unsigned mode = 0666);
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
  enum class Pages : uint8_t { kAny, kHuge };
  // kHuge, for files that are read from end to end: what is not in the page cache yet is read into huge
  // pages and mapped as such, where the system can.
  static Result<MappedFile> Open(const std::string& path, Pages pages = Pages::kAny);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }
  const FileStamp& stamp() const { return stamp_; }  // when it was opened
  // Takes the pages that lie within `part` out of this process's memory; when they are read again, they come
  // back from the file.
  void DropPages(std::span<const std::byte> part) const;
  void ReadPages() const;  // all of them, into the page cache

 private:
  MappedFile(std::string path, const FileStamp& stamp, std::span<const std::byte> bytes)
      : path_(std::move(path)), stamp_(stamp), bytes_(bytes) {}
  std::string path_;
  FileStamp stamp_;
  std::span<const std::byte> bytes_;
};

}  // namespace tern
