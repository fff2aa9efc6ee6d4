#pragma once
// The Hub's own cache on disk, in the layout that its tools share
// (https://huggingface.co/docs/hub/local-cache):
//
//   <root>/models--<org>--<repo>/refs/<branch>                    the commit it stands for
//                               /blobs/<SHA-256 or git id>        the contents
//                               /snapshots/<commit>/<path>        links to blobs
//   <root>/.locks/models--<org>--<repo>/<blob>.lock

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tern {

class HubCache {
 public:
  HubCache(std::string root, std::string_view repo);

  std::string folder() const { return folder_; }
  std::string BlobPath(std::string_view id) const { return folder_ + "/blobs/" + std::string(id); }
  std::string LockPath(std::string_view id) const;
  std::string SnapshotPath(std::string_view commit) const {
    return folder_ + "/snapshots/" + std::string(commit);
  }

  // The commit that `revision` (a branch, or a commit itself) stood for when it was pulled last; empty:
  // never.
  std::string CommitOf(std::string_view revision) const;
  Status SetCommit(std::string_view revision, std::string_view commit) const;
  // Makes the snapshot's `path` a link to the blob.
  Status Link(std::string_view commit, std::string_view path, std::string_view blob) const;
  // Paths below the snapshot whose content is there.
  std::vector<std::string> Files(std::string_view commit) const;
  std::vector<std::string> Commits() const;
  // Removes files of a snapshot, then the blobs that no snapshot links to, then folders that became empty.
  Status Remove(std::string_view commit, const std::vector<std::string>& paths) const;

 private:
  std::string root_, name_, folder_;
};

// "org/repo" for every repository in the cache.
std::vector<std::string> CachedRepos(const std::string& root);

}  // namespace tern
