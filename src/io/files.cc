#include "io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

namespace tern {
namespace {

constexpr size_t kChunkBytes = 1 << 20;

struct DigestFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

std::string Hex(const unsigned char* bytes, size_t size) {
  std::string hex;
  for (size_t i = 0; i < size; ++i) hex += fmt::format("{:02x}", bytes[i]);
  return hex;
}

Status SyncDirectory(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok() || fsync(fd.get()) != 0) return SystemError(path, "cannot be written through to the disk");
  return {};
}

// The digest of `prefix` and then the whole file.
Result<std::string> DigestOfFile(const std::string& path, const EVP_MD* kind, bool git_prefix,
                                 const PullEvents& events) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return SystemError(path, "cannot be opened");
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return SystemError(path, "cannot be read");
  const auto total = static_cast<uint64_t>(info.st_size);
  const std::unique_ptr<EVP_MD_CTX, DigestFree> context(EVP_MD_CTX_new());
  EVP_DigestInit_ex(context.get(), kind, nullptr);
  if (git_prefix) {
    const std::string prefix = fmt::format("blob {}", total);
    EVP_DigestUpdate(context.get(), prefix.c_str(), prefix.size() + 1);
  }
  std::vector<char> chunk(kChunkBytes);
  for (uint64_t done = 0;;) {
    const ssize_t got = read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path, "cannot be read");
    if (got == 0) break;
    EVP_DigestUpdate(context.get(), chunk.data(), static_cast<size_t>(got));
    done += static_cast<uint64_t>(got);
    events.Progress(done, total);
    if (events.Cancelled()) return CancelledError();
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest, &size);
  return Hex(digest, size);
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
UniqueFd::~UniqueFd() {
  if (fd_ >= 0) close(fd_);
}

Error SystemError(std::string_view path, std::string_view what) {
  const int code = errno;
  return {code == ENOENT ? Code::kNotFound : Code::kIo,
          fmt::format("{}: {}: {}", path, what, strerror(code))};
}

Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return IoError(fmt::format("{}: cannot be made: {}", path, error.message()));
  return {};
}

Result<std::string> MakeNewDirectory(const std::string& path) {
  constexpr int kMostTries = 1000;
  TERN_TRY_STATUS(MakeDirectories(ParentOf(path)));
  for (int i = 0; i < kMostTries; ++i) {
    std::string name = i == 0 ? path : fmt::format("{}{}", path, i);
    if (mkdir(name.c_str(), 0777) == 0) return name;
    if (errno != EEXIST) return SystemError(name, "cannot be made");
  }
  return BadInput(fmt::format("{}: is there already, and so are {} others with a number behind it", path,
                              kMostTries - 1));
}

Status RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return IoError(fmt::format("{}: cannot be removed: {}", path, error.message()));
  return {};
}

Result<std::string> ReadSmallFile(const std::string& path, size_t limit) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return SystemError(path, "cannot be opened");
  std::string content;
  for (char chunk[4096];;) {
    const ssize_t got = read(fd.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(path, "cannot be read");
    if (got == 0) return content;
    content.append(chunk, static_cast<size_t>(got));
    if (content.size() > limit) return BadInput(fmt::format("{}: longer than {} bytes", path, limit));
  }
}

Status WriteAll(int fd, const char* data, size_t size, std::string_view path) {
  while (size > 0) {
    const ssize_t put = write(fd, data, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return SystemError(path, "cannot be written");
    data += put;
    size -= static_cast<size_t>(put);
  }
  return {};
}

Status MoveIntoPlace(const std::string& from, const std::string& to) {
  const UniqueFd fd(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return SystemError(from, "cannot be opened");
  if (fsync(fd.get()) != 0) return SystemError(from, "cannot be written through to the disk");
  if (rename(from.c_str(), to.c_str()) != 0) return SystemError(to, "cannot be put in place");
  return SyncDirectory(ParentOf(to));
}

uint64_t FileBytes(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}
bool IsFile(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}
bool IsDirectory(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Status NeedFreeBytes(const std::string& path, uint64_t bytes) {
  struct statvfs info {};
  if (statvfs(path.c_str(), &info) != 0) return {};  // a file system that does not say: try and see
  const uint64_t free_bytes = static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  if (free_bytes >= bytes) return {};
  return Exhausted(fmt::format("{}: {} bytes free, {} needed", path, free_bytes, bytes));
}

Result<std::string> Sha256OfFile(const std::string& path, const PullEvents& events) {
  return DigestOfFile(path, EVP_sha256(), false, events);
}
Result<std::string> GitSha1OfFile(const std::string& path, const PullEvents& events) {
  return DigestOfFile(path, EVP_sha1(), true, events);
}
std::string Sha256OfText(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return Hex(digest, size);
}

bool IsHex(std::string_view text, size_t length) {
  return text.size() == length && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string ParentOf(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, std::max<size_t>(slash, 1)));
}
std::string FileNameOf(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

bool IsSafeRelativePath(std::string_view path) {
  if (path.empty() || path.size() > 1024) return false;
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\') return false;
  }
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace tern
