#pragma once
// What downloads and the model store do with files: small files whole, checksums, moves that survive a crash.
// Errors name the path and what the operating system said.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/pull_events.h"

namespace tern {

// An open file descriptor; closed at the end of its life.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd();
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// The error of the last system call on `path`: "dir/x: cannot be opened: Permission denied".
Error SystemError(std::string_view path, std::string_view what);

// `path` and what is missing above it.
Status MakeDirectories(const std::string& path);
// A new folder, named `path` or, where that is there already, `path` and a number; what is missing above it
// too. Returns its name.
Result<std::string> MakeNewDirectory(const std::string& path);
// A folder or a file, with all that is in it; no error if there is none. Links are removed, not followed.
Status RemoveTree(const std::string& path);
// At most `limit` bytes; a larger file is an error.
Result<std::string> ReadSmallFile(const std::string& path, size_t limit);
// fsync, rename over `to`, fsync of the folder of `to`. Both lie on one file system.
Status MoveIntoPlace(const std::string& from, const std::string& to);
Status WriteAll(int fd, const char* data, size_t size, std::string_view path);

// Of a model whose size is not known: a source that does not end is cut off here.
inline constexpr uint64_t kMostModelBytes = uint64_t{1} << 44;

// 0: no such file. Follows links.
uint64_t FileBytes(const std::string& path);
bool IsFile(const std::string& path);
bool IsDirectory(const std::string& path);
// Error if the file system of folder `path` has less than `bytes` free; names both figures.
Status NeedFreeBytes(const std::string& path, uint64_t bytes);

// Lower-case hexadecimal digest of a whole file; reports progress in bytes.
Result<std::string> Sha256OfFile(const std::string& path, const PullEvents& events);
// What git calls the blob's id: SHA-1 over "blob <size>\0" and the content.
Result<std::string> GitSha1OfFile(const std::string& path, const PullEvents& events);
std::string Sha256OfText(std::string_view text);
bool IsHex(std::string_view text, size_t length);

std::string ParentOf(std::string_view path);    // "." if it has none
std::string FileNameOf(std::string_view path);  // what follows the last '/'
// True if `path`, from an untrusted list, stays below the folder it is joined to: relative, no "..", no empty
// or overlong parts, no control characters or backslashes.
bool IsSafeRelativePath(std::string_view path);

}  // namespace tern
