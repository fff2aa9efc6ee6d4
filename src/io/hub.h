#pragma once
// The Hugging Face Hub: which files a repository has, and pulling one model of it into the Hub's cache.
// Interface: https://huggingface.co/docs/hub/api (model info with blobs) and /<repo>/resolve/<commit>/<path>.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/choose_model.h"
#include "io/download.h"
#include "io/hub_cache.h"
#include "io/model_ref.h"
#include "io/pull_events.h"

namespace tern {

struct HubOptions {
  std::string cache{};  // the folder of HubCache
  std::string endpoint = "https://huggingface.co";
  std::string token{};  // goes to the endpoint and to no other host; empty: anonymous
  NetworkPolicy network{};
};

struct HubFile {
  std::string path{};
  uint64_t bytes = 0;
  std::string sha256{};    // of files in large-file storage; else empty
  std::string git_sha1{};  // what git calls the blob
};

struct HubRepo {
  std::string commit{};
  std::string licence{};  // "apache-2.0"; empty: it does not say
  std::vector<HubFile> files{};
};

// Reads the Hub's answer to "model info with blobs". Untrusted: sizes and depth are bounded, unsafe paths are
// left out, hashes are checked for their form.
Result<HubRepo> ParseHubRepo(std::string_view json, std::string_view repo);

// A model of a repository on disk.
struct HubModel {
  std::string commit{}, tag{}, licence{};
  std::vector<std::string> paths{};       // below the snapshot, shards in order
  std::vector<std::string> full_paths{};  // absolute
  std::string path{};                     // what to open: the first shard, or the snapshot's folder
};

// The model that a choice among a snapshot's files stands for.
HubModel ModelAt(const HubCache& cache, std::string commit, ModelChoice choice);
// What the cache already holds for `ref`; kNotFound: nothing that fits.
Result<HubModel> FindInHubCache(const ModelRef& ref, const HubOptions& options);
// Asks the Hub, pulls what is missing.
Result<HubModel> PullFromHub(const ModelRef& ref, const HubOptions& options, const PullEvents& events);

}  // namespace tern
