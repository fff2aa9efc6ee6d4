#include "io/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "io/choose_model.h"
#include "io/file_lock.h"
#include "io/files.h"
#include "io/hub_cache.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr size_t kMaxFiles = 100'000;
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 44;

std::string TextAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

uint64_t NumberAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  boost::system::error_code error;
  const auto number = value == nullptr ? uint64_t{0} : value->to_number<uint64_t>(error);
  return error ? 0 : number;
}

// {"rfilename": "x.gguf", "size": 9, "blobId": "<git id>", "lfs": {"sha256": "...", "size": 9}}
HubFile ParseFile(const json::object& object) {
  HubFile file{.path = TextAt(object, "rfilename"), .bytes = NumberAt(object, "size")};
  const json::value* lfs = object.if_contains("lfs");
  if (lfs == nullptr || !lfs->is_object()) {
    file.git_sha1 = TextAt(object, "blobId");
    return file;
  }
  file.sha256 = TextAt(lfs->get_object(), "sha256");
  file.bytes = NumberAt(lfs->get_object(), "size");
  return file;
}

std::string LicenceOf(const json::object& object) {
  const json::value* tags = object.if_contains("tags");
  if (tags == nullptr || !tags->is_array()) return "";
  for (const json::value& tag : tags->get_array()) {
    if (!tag.is_string() || !tag.get_string().starts_with("license:")) continue;
    const std::string licence(tag.get_string().subview(8));
    return licence.size() <= 64 && IsSafeRelativePath(licence) ? licence : "";
  }
  return "";
}

std::string HubName(const ModelRef& ref) { return "hf:" + ref.repo; }

const HubFile& FileAt(const HubRepo& repo, const std::string& path) {
  const auto at =
      std::find_if(repo.files.begin(), repo.files.end(), [&](const HubFile& f) { return f.path == path; });
  TERN_CHECK(at != repo.files.end());
  return *at;
}

// What the pull of one model shares over its files.
struct Pull {
  const ModelRef& ref;
  const HubOptions& options;
  const PullEvents& events;
  const HubCache& cache;
  const std::string& commit;
  uint64_t done = 0, total = 0;
};

Status PullFile(Pull& pull, const HubFile& file) {
  const std::string id = file.sha256.empty() ? file.git_sha1 : file.sha256;
  const std::string blob = pull.cache.BlobPath(id);
  TERN_TRY_STATUS(MakeDirectories(ParentOf(blob)));
  TERN_TRY(const FileLock lock, FileLock::Take(pull.cache.LockPath(id), pull.events));
  if (!IsFile(blob) || FileBytes(blob) != file.bytes) {
    DownloadRequest request{.url = fmt::format("{}/{}/resolve/{}/{}", pull.options.endpoint, pull.ref.repo,
                                               pull.commit, UrlEscape(file.path, true)),
                            .bearer = pull.options.token,
                            .path = blob,
                            .partial_path = blob + ".incomplete",
                            .bytes = file.bytes,
                            .sha256 = file.sha256,
                            .git_sha1 = file.sha256.empty() ? file.git_sha1 : "",
                            .shown_name = FileNameOf(file.path),
                            .done_before = pull.done,
                            .total = pull.total,
                            .network = pull.options.network};
    TERN_TRY(const Downloaded done, Download(request, pull.events));
    (void)done;
  }
  pull.done += file.bytes;
  return pull.cache.Link(pull.commit, file.path, id);
}

}  // namespace

HubModel ModelAt(const HubCache& cache, std::string commit, ModelChoice choice) {
  HubModel model{.commit = std::move(commit), .tag = choice.tag};
  for (const std::string& path : choice.paths) {
    model.full_paths.push_back(cache.SnapshotPath(model.commit) + "/" + path);
  }
  model.paths = std::move(choice.paths);
  model.path = choice.is_folder ? cache.SnapshotPath(model.commit) : model.full_paths[0];
  return model;
}

namespace {

Result<HubRepo> AskHub(const ModelRef& ref, const HubOptions& options, const PullEvents& events) {
  events.Stage("asking for " + HubName(ref));
  events.Progress(0, 0);
  const std::string url = fmt::format("{}/api/models/{}/revision/{}?blobs=true", options.endpoint, ref.repo,
                                      UrlEscape(ref.revision, false));
  TERN_TRY(const std::string answer,
           GetText({.url = url, .bearer = options.token, .network = options.network}, events));
  return ParseHubRepo(answer, HubName(ref));
}

}  // namespace

Result<HubRepo> ParseHubRepo(std::string_view text, std::string_view repo_name) {
  boost::system::error_code error;
  json::parse_options limits;
  limits.max_depth = 16;
  const json::value value = json::parse(text, error, {}, limits);
  if (error || !value.is_object()) {
    return BadInput(fmt::format("{}: the Hub's answer is not the JSON object expected", repo_name));
  }
  const json::object& object = value.get_object();
  HubRepo repo{.commit = TextAt(object, "sha"), .licence = LicenceOf(object)};
  if (!IsHex(repo.commit, 40))
    return BadInput(fmt::format("{}: the Hub's answer names no commit", repo_name));
  const json::value* siblings = object.if_contains("siblings");
  if (siblings == nullptr || !siblings->is_array() || siblings->get_array().size() > kMaxFiles) {
    return BadInput(fmt::format("{}: the Hub's answer lists no files, or too many", repo_name));
  }
  for (const json::value& sibling : siblings->get_array()) {
    if (!sibling.is_object()) continue;
    HubFile file = ParseFile(sibling.get_object());
    const bool named = IsHex(file.sha256, 64) || (file.sha256.empty() && IsHex(file.git_sha1, 40));
    if (named && IsSafeRelativePath(file.path) && file.bytes <= kMaxFileBytes)
      repo.files.push_back(std::move(file));
  }
  return repo;
}

Result<HubModel> FindInHubCache(const ModelRef& ref, const HubOptions& options) {
  const HubCache cache(options.cache, ref.repo);
  const std::string commit = cache.CommitOf(ref.revision);
  if (commit.empty()) return NotFound(fmt::format("{}: not in the cache {}", HubName(ref), options.cache));
  TERN_TRY(ModelChoice choice, ChooseModel(cache.Files(commit), ref.quant, HubName(ref) + " in the cache"));
  return ModelAt(cache, commit, std::move(choice));
}

Result<HubModel> PullFromHub(const ModelRef& ref, const HubOptions& options, const PullEvents& events) {
  TERN_TRY(const HubRepo repo, AskHub(ref, options, events));
  std::vector<std::string> paths;
  for (const HubFile& file : repo.files) paths.push_back(file.path);
  TERN_TRY(ModelChoice choice, ChooseModel(paths, ref.quant, HubName(ref)));
  const HubCache cache(options.cache, ref.repo);
  Pull pull{.ref = ref, .options = options, .events = events, .cache = cache, .commit = repo.commit};
  for (const std::string& path : choice.paths) pull.total += FileAt(repo, path).bytes;
  for (const std::string& path : choice.paths) TERN_TRY_STATUS(PullFile(pull, FileAt(repo, path)));
  // Only now: a revision in refs/ whose files are not all there would be found and not run.
  TERN_TRY_STATUS(cache.SetCommit(ref.revision, repo.commit));
  HubModel model = ModelAt(cache, repo.commit, std::move(choice));
  model.licence = repo.licence;
  return model;
}

}  // namespace tern
