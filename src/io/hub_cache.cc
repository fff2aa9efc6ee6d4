#include "io/hub_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/file.h"
#include "io/files.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

// Repositories and snapshots are small; what is not there has no entries.
constexpr size_t kMaxEntries = 100'000;

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (names.size() < kMaxEntries) names.push_back(at->path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void RemoveEmptyFolders(const std::string& from, const std::string& root) {
  std::error_code error;
  for (std::string at = from; at.size() > root.size() && fs::remove(at, error) && !error;) at = ParentOf(at);
}

}  // namespace

HubCache::HubCache(std::string root, std::string_view repo) : root_(std::move(root)) {
  const size_t slash = repo.find('/');
  name_ = fmt::format("models--{}--{}", repo.substr(0, slash), repo.substr(slash + 1));
  folder_ = root_ + "/" + name_;
}

std::string HubCache::LockPath(std::string_view id) const {
  return fmt::format("{}/.locks/{}/{}.lock", root_, name_, id);
}

std::string HubCache::CommitOf(std::string_view revision) const {
  if (IsHex(revision, 40)) return std::string(revision);
  const auto commit = ReadSmallFile(fmt::format("{}/refs/{}", folder_, revision), 100);
  if (!commit.ok() || !IsHex(std::string_view(commit.value()).substr(0, 40), 40)) return "";
  return commit.value().substr(0, 40);
}

Status HubCache::SetCommit(std::string_view revision, std::string_view commit) const {
  if (revision == commit) return {};
  const std::string path = fmt::format("{}/refs/{}", folder_, revision);
  TERN_TRY_STATUS(MakeDirectories(ParentOf(path)));
  return WriteFileAtomic(path, commit);
}

Status HubCache::Link(std::string_view commit, std::string_view path, std::string_view blob) const {
  const std::string link = fmt::format("{}/{}", SnapshotPath(commit), path);
  TERN_TRY_STATUS(MakeDirectories(ParentOf(link)));
  std::string target = "../../";
  for (const char c : path) target += c == '/' ? "../" : "";
  target += fmt::format("blobs/{}", blob);
  std::error_code error;
  if (fs::read_symlink(link, error) == target) return {};
  const std::string temporary = link + ".tmp";
  fs::remove(temporary, error);
  fs::create_symlink(target, temporary, error);
  if (!error) fs::rename(temporary, link, error);
  if (error) return IoError(fmt::format("{}: cannot be linked: {}", link, error.message()));
  return {};
}

std::vector<std::string> HubCache::Files(std::string_view commit) const {
  std::vector<std::string> files;
  const std::string root = SnapshotPath(commit);
  std::error_code error;
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    const std::string path = at->path();
    if (files.size() < kMaxEntries && IsFile(path)) files.push_back(path.substr(root.size() + 1));
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> HubCache::Commits() const { return NamesIn(folder_ + "/snapshots"); }

Status HubCache::Remove(std::string_view commit, const std::vector<std::string>& paths) const {
  std::error_code error;
  std::set<std::string> gone;
  for (const std::string& path : paths) {
    const std::string link = fmt::format("{}/{}", SnapshotPath(commit), path);
    gone.insert(fs::read_symlink(link, error).filename());
    TERN_TRY_STATUS(RemoveTree(link));
    RemoveEmptyFolders(ParentOf(link), folder_);
  }
  for (const std::string& other : Commits()) {
    for (const std::string& path : Files(other)) {
      gone.erase(fs::read_symlink(fmt::format("{}/{}", SnapshotPath(other), path), error).filename());
    }
  }
  for (const std::string& blob : gone) {
    if (IsHex(blob, 64) || IsHex(blob, 40)) TERN_TRY_STATUS(RemoveTree(BlobPath(blob)));
  }
  if (!Commits().empty()) return {};
  TERN_TRY_STATUS(RemoveTree(fmt::format("{}/.locks/{}", root_, name_)));
  return RemoveTree(folder_);
}

std::vector<std::string> CachedRepos(const std::string& root) {
  std::vector<std::string> repos;
  constexpr std::string_view kPrefix = "models--";
  for (const std::string& name : NamesIn(root)) {
    const size_t split = name.find("--", kPrefix.size());
    if (!name.starts_with(kPrefix) || split == std::string::npos) continue;
    repos.push_back(name.substr(kPrefix.size(), split - kPrefix.size()) + "/" + name.substr(split + 2));
  }
  return repos;
}

}  // namespace tern
