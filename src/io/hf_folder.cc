#include "io/hf_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "io/field_reader.h"
#include "io/files.h"
#include "io/json_text.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr size_t kMaxConfigBytes = size_t{16} << 20;
constexpr size_t kMaxIndexBytes = size_t{64} << 20;
constexpr size_t kMaxDepth = 16;
constexpr std::string_view kOneFile = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";

bool AllOf(const json::array& array, bool (*is)(const json::value&)) {
  return !array.empty() && std::all_of(array.begin(), array.end(), is);
}

template <class T, class F>
MetaValue MakeArray(const json::array& array, F get) {
  std::vector<T> values;
  values.reserve(array.size());
  for (const json::value& value : array) values.push_back(get(value));
  return values;
}

void Flatten(const std::string& key, const json::value& value, Metadata& out);

void FlattenArray(const std::string& key, const json::array& array, Metadata& out) {
  if (array.empty()) return out.Set(key, std::vector<int64_t>{});
  if (AllOf(array, [](const json::value& v) { return v.is_bool(); })) {
    return out.Set(key, MakeArray<bool>(array, [](const json::value& v) { return v.get_bool(); }));
  }
  if (AllOf(array, [](const json::value& v) { return v.is_string(); })) {
    return out.Set(
        key, MakeArray<std::string>(array, [](const json::value& v) { return std::string(v.get_string()); }));
  }
  if (AllOf(array, [](const json::value& v) { return v.is_int64(); })) {
    return out.Set(key, MakeArray<int64_t>(array, [](const json::value& v) { return v.get_int64(); }));
  }
  if (AllOf(array, [](const json::value& v) { return v.is_number(); })) {
    return out.Set(key, MakeArray<double>(array, [](const json::value& v) { return v.to_number<double>(); }));
  }
  for (size_t i = 0; i < array.size(); ++i) Flatten(fmt::format("{}.{}", key, i), array[i], out);
}

// The parser's depth limit bounds the recursion.
void Flatten(const std::string& key, const json::value& value, Metadata& out) {
  switch (value.kind()) {
    case json::kind::null:
      return out.SetNull(key);
    case json::kind::bool_:
      return out.Set(key, value.get_bool());
    case json::kind::int64:
      return out.Set(key, value.get_int64());
    case json::kind::uint64:
      return out.Set(key, value.get_uint64());
    case json::kind::double_:
      return out.Set(key, value.get_double());
    case json::kind::string:
      return out.Set(key, std::string(value.get_string()));
    case json::kind::array:
      return FlattenArray(key, value.get_array(), out);
    case json::kind::object:
      for (const json::key_value_pair& field : value.get_object()) {
        const std::string name(field.key());
        Flatten(key.empty() ? name : key + "." + name, field.value(), out);
      }
  }
}

struct Index {
  std::set<std::string> files;       // each once
  std::vector<std::string> tensors;  // what they are said to hold
};

Result<Index> ReadIndex(const std::string& path) {
  TERN_TRY(const std::string text, ReadSmallFile(path, kMaxIndexBytes));
  TERN_TRY(const json::value index, ParseJson(text, path, kMaxDepth));
  const json::object* fields = index.if_object();
  const json::value* map = fields == nullptr ? nullptr : fields->if_contains("weight_map");
  if (map == nullptr || !map->is_object())
    return BadInput(path + ": weight_map: missing, expected an object");
  Index out;
  for (const json::key_value_pair& field : map->get_object()) {
    const json::string* file = field.value().if_string();
    if (file == nullptr || !IsSafeRelativePath(*file)) {
      return BadInput(
          fmt::format("{}: weight_map: {}: expected a file name of this folder", path, Quote(field.key())));
    }
    out.files.emplace(*file);
    out.tensors.emplace_back(field.key());
  }
  if (out.files.empty()) return BadInput(path + ": weight_map: is empty, expected tensors");
  return out;
}

}  // namespace

Result<Metadata> ParseJsonMetadata(std::string_view text, std::string_view name) {
  TERN_TRY(const json::value value, ParseJson(text, name, kMaxDepth));
  if (!value.is_object()) return BadInput(fmt::format("{}: expected a JSON object", name));
  Metadata out;
  Flatten("", value, out);
  return out;
}

Result<Metadata> ReadJsonMetadata(const std::string& path) {
  TERN_TRY(const std::string text, ReadSmallFile(path, kMaxConfigBytes));
  return ParseJsonMetadata(text, path);
}

Result<Metadata> ReadJsonArray(const std::string& path) {
  TERN_TRY(const std::string text, ReadSmallFile(path, kMaxConfigBytes));
  TERN_TRY(const json::value value, ParseJson(text, path, kMaxDepth));
  if (!value.is_array()) return BadInput(path + ": expected a JSON array");
  Metadata out;
  for (size_t i = 0; i < value.get_array().size(); ++i) Flatten(std::to_string(i), value.get_array()[i], out);
  return out;
}

bool HfFolder::Looks(const std::string& path) { return IsFile(path + "/config.json"); }

bool HasTokenizerFiles(const std::string& folder) {
  const auto has = [&](const char* name) { return IsFile(folder + "/" + name); };
  return has("tokenizer.json") || has("tokenizer.model") || has("spiece.model") || has("vocab.txt") ||
         (has("vocab.json") && has("merges.txt"));
}

Status HfFolder::AddFile(const std::string& name, Isolation isolation) {
  const std::string path = path_ + "/" + name;
  TERN_TRY(MappedFile file, MappedFile::Open(path));
  TERN_TRY(NamedRawTensors tensors, ReadSafetensors(file.bytes(), path, isolation));
  std::move(tensors.begin(), tensors.end(), std::back_inserter(tensors_));
  file_bytes_ += file.bytes().size();
  files_.push_back(std::move(file));
  return {};
}

Result<std::unique_ptr<HfFolder>> HfFolder::Open(const std::string& path, Isolation isolation) {
  std::unique_ptr<HfFolder> folder(new HfFolder());
  folder->path_ = path;
  TERN_TRY(folder->config_, ReadJsonMetadata(path + "/config.json"));
  TERN_TRY(MappedFile config, MappedFile::Open(path + "/config.json"));
  folder->files_.push_back(std::move(config));
  Index index;
  // As Transformers looks: an index may be left over from a repository that was quantized into one file.
  if (IsFile(path + "/" + std::string(kOneFile))) {
    TERN_TRY_STATUS(folder->AddFile(std::string(kOneFile), isolation));
  } else if (IsFile(path + "/" + std::string(kIndex))) {
    TERN_TRY(index, ReadIndex(path + "/" + std::string(kIndex)));
    for (const std::string& name : index.files) TERN_TRY_STATUS(folder->AddFile(name, isolation));
  } else {
    return NotFound(fmt::format("{}: holds no weights, expected {} or {}", path, kOneFile, kIndex));
  }
  NamedRawTensors& tensors = folder->tensors_;
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto twice = std::adjacent_find(tensors.begin(), tensors.end(),
                                        [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != tensors.end()) {
    return BadInput(fmt::format("{}: tensor {}: occurs in two files", path, Quote(twice->first)));
  }
  for (const std::string& name : index.tensors) {
    if (folder->Find(name) != nullptr) continue;
    return BadInput(fmt::format("{}/{}: weight_map: {}: is in none of the files", path, kIndex, Quote(name)));
  }
  return folder;
}

const RawTensor* HfFolder::Find(std::string_view name) const {
  const auto found =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const auto& entry, std::string_view key) { return entry.first < key; });
  return found == tensors_.end() || found->first != name ? nullptr : &found->second;
}

}  // namespace tern
