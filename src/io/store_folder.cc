#include "io/store_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "io/files.h"

namespace tern {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::string_view kManifest = "model.json";
constexpr size_t kMaxManifestBytes = 64 << 10;

// Names of the catalogue as they are; anything else as its last part, readable, and a hash, unique.
std::string FolderName(std::string_view name) {
  const bool plain = name.find_first_of(":/#?%") == std::string_view::npos;
  if (plain && IsSafeRelativePath(name)) return std::string(name);
  std::string readable = FileNameOf(name.substr(0, name.find_first_of("?#")));
  for (char& c : readable) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    if (!good) c = '-';
  }
  if (readable.size() > 80) readable.resize(80);
  return fmt::format("_{}-{}", readable, Sha256OfText(name).substr(0, 12));
}

Status CheckFile(const std::string& path, uint64_t bytes) {
  if (IsFile(path) && FileBytes(path) == bytes) return {};
  return NotFound(fmt::format("{}: missing, or not {} bytes long", path, bytes));
}

Result<Manifest> ReadManifest(const std::string& folder) {
  const std::string path = fmt::format("{}/{}", folder, kManifest);
  TERN_TRY(const std::string text, ReadSmallFile(path, kMaxManifestBytes));
  TERN_TRY(Manifest manifest, ParseManifest(text, path));
  const std::string file = folder + "/" + manifest.file;
  if (manifest.files.empty()) {
    TERN_TRY_STATUS(CheckFile(file, manifest.bytes));
  }
  for (const StoredFile& part : manifest.files) {
    TERN_TRY_STATUS(CheckFile(file + "/" + part.path, part.bytes));
  }
  return manifest;
}

Status ParseFiles(const json::value& files, std::string_view path, Manifest& manifest) {
  const auto failed = [&] { return BadInput(fmt::format("{}: files: expected paths and bytes", path)); };
  if (!files.is_object()) return failed();
  for (const auto& [name, bytes] : files.get_object()) {
    boost::system::error_code error;
    manifest.files.push_back({.path = std::string(name), .bytes = bytes.to_number<uint64_t>(error)});
    if (error || !IsSafeRelativePath(name)) return failed();
  }
  return {};
}

}  // namespace

Result<Manifest> ParseManifest(std::string_view text, std::string_view path) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) return BadInput(fmt::format("{}: not a JSON object", path));
  const json::object& object = value.get_object();
  Manifest manifest;
  const auto text_at = [&](std::string_view key) -> std::string {
    const json::value* field = object.if_contains(key);
    return field != nullptr && field->is_string() ? std::string(field->get_string()) : "";
  };
  manifest.name = text_at("name");
  manifest.licence = text_at("licence");
  manifest.file = text_at("file");
  manifest.sha256 = text_at("sha256");
  if (const json::value* bytes = object.if_contains("bytes"))
    manifest.bytes = bytes->to_number<uint64_t>(error);
  const json::value* sources = object.if_contains("sources");
  if (error || manifest.name.empty() || !IsSafeRelativePath(manifest.file) || sources == nullptr ||
      !sources->is_array()) {
    return BadInput(fmt::format("{}: expected name, file, bytes and sources", path));
  }
  for (const json::value& source : sources->get_array()) {
    if (source.is_string()) manifest.sources.emplace_back(source.get_string());
  }
  if (const json::value* files = object.if_contains("files")) {
    TERN_TRY_STATUS(ParseFiles(*files, path, manifest));
  }
  return manifest;
}

std::string ToJson(const Manifest& manifest) {
  json::object object = {{"name", manifest.name},
                         {"licence", manifest.licence},
                         {"file", manifest.file},
                         {"bytes", manifest.bytes},
                         {"sha256", manifest.sha256}};
  object["sources"] = json::array(manifest.sources.begin(), manifest.sources.end());
  if (!manifest.files.empty()) {
    json::object& files = object["files"].emplace_object();
    for (const StoredFile& file : manifest.files) files[file.path] = file.bytes;
  }
  return json::serialize(object) + "\n";
}

StoreFolder::StoreFolder(const std::string& home, std::string_view name)
    : path_(fmt::format("{}/models/{}", home, FolderName(name))),
      lock_path_(fmt::format("{}/models/.locks/{}.lock", home, FolderName(name))) {}

Result<Manifest> StoreFolder::Read() const { return ReadManifest(path_); }

Status StoreFolder::Write(const Manifest& manifest) const {
  return WriteFileAtomic(File(kManifest), ToJson(manifest));
}

bool StoreFolder::Exists() const { return IsDirectory(path_); }

std::vector<StoredModel> StoredModels(const std::string& home) {
  std::vector<StoredModel> models;
  std::error_code error;
  for (fs::directory_iterator at(home + "/models", error), end; !error && at != end; at.increment(error)) {
    Result<Manifest> manifest = ReadManifest(at->path());
    if (!manifest.ok()) continue;
    const std::string path = at->path().string() + "/" + manifest.value().file;
    models.push_back({.manifest = std::move(manifest).value(), .path = path});
  }
  std::sort(models.begin(), models.end(),
            [](const StoredModel& a, const StoredModel& b) { return a.manifest.name < b.manifest.name; });
  return models;
}

}  // namespace tern
