#pragma once
// Download: a file from the network to the disk, whole and checked or not at all. What arrived of an
// interrupted download stays beside the target as "<path>.incomplete" and is continued the next time.

#include <cstdint>
#include <string>

#include "base/result.h"
#include "io/http.h"
#include "io/pull_events.h"

namespace tern {

// How patient to be: how often, and after what waits, a request is tried again. A server's Retry-After is
// obeyed up to `longest_seconds`. An attempt that brought new bytes starts the count anew.
struct NetworkPolicy {
  int attempts = 5;
  double first_seconds = 0.5, longest_seconds = 60;
  double stall_seconds = 30;  // without a byte
  std::string ca_file{};      // certificates to trust; empty: the system's
};

struct DownloadRequest {
  std::string url{};
  std::string bearer{};
  std::string path{};                   // where the file goes; its folder exists
  std::string partial_path{};           // empty: path + ".incomplete"
  uint64_t bytes = 0;                   // 0: not known
  std::string sha256{};                 // of the file, lower-case hex; empty: not known
  std::string git_sha1{};               // the same for what the Hub keeps in git itself
  std::string shown_name{};             // in messages; empty: the name of `path`
  std::string begins_with{};            // the first bytes of any such file; empty: whatever
  uint64_t done_before = 0, total = 0;  // for the progress of a larger whole; total 0: this file alone
  NetworkPolicy network{};
};

// What is known about the file afterwards.
struct Downloaded {
  uint64_t bytes = 0;
  std::string sha256{};  // empty if only git_sha1 was asked for
};

Result<Downloaded> Download(const DownloadRequest& request, const PullEvents& events);

// A small answer (JSON) as text, with the same retries. Statuses other than 2xx are errors that carry what
// the server said.
struct TextRequest {
  std::string url{}, bearer{};
  size_t limit_bytes = 16 << 20;
  NetworkPolicy network{};
};
Result<std::string> GetText(const TextRequest& request, const PullEvents& events);

}  // namespace tern
