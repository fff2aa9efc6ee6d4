#include "io/choose_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "io/files.h"

namespace tern {
namespace {

// What is taken when nobody said: a good share of the quality for the size first, then what is nearest.
constexpr std::string_view kPreferred[] = {"Q4_K_M", "Q8_0", "Q5_K_M", "Q6_K",   "Q4_K_S", "Q4_1", "Q4_0",
                                           "Q5_K_S", "Q5_1", "Q5_0",   "Q3_K_M", "BF16",   "F16",  "F32"};

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return upper;
}

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string_view WithoutGguf(std::string_view path) { return path.substr(0, path.size() - 5); }

// "x-00002-of-00005" is shard 2 of 5 of "x".
struct ShardName {
  std::string stem;
  int index = 0, count = 0;
};
ShardName ParseShard(std::string_view stem) {  // the path without its ending
  constexpr std::string_view kOf = "-of-";
  const size_t of = stem.rfind(kOf), begin = of - 6;
  if (of == stem.npos || of <= 6 || stem[begin] != '-') return {.stem = std::string(stem)};
  const std::string_view index = stem.substr(begin + 1, 5), count = stem.substr(of + kOf.size());
  // Some count with six digits: "model-00001-of-000163".
  if (!IsDigits(index) || !IsDigits(count) || count.size() < 5 || count.size() > 6) {
    return {.stem = std::string(stem)};
  }
  const auto number = [](std::string_view digits) {
    int value = 0;
    for (const char c : digits) value = value * 10 + (c - '0');
    return value;
  };
  return {.stem = std::string(stem.substr(0, begin)), .index = number(index), .count = number(count)};
}

// Whether an upper-case word is the name of a weight format or a mix of them: Q4_K_M, IQ3_XXS, BF16, MXFP4,
// ...
bool IsQuantTag(std::string_view word) {
  if (word == "F16" || word == "F32" || word == "BF16" || word == "FP16" || word == "FP32") return true;
  for (std::string_view family : {"IQ", "TQ", "Q", "MXFP", "NVFP"}) {
    if (!word.starts_with(family)) continue;
    const std::string_view rest = word.substr(family.size());
    return !rest.empty() && rest[0] >= '1' && rest[0] <= '8' && (rest.size() == 1 || rest[1] == '_');
  }
  return false;
}

// The words of a path; '_' belongs to a word.
std::vector<std::string> Words(std::string_view path) {
  std::vector<std::string> words(1);
  for (const char c : Upper(path)) {
    const bool word = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (word) words.back() += c;
    if (!word && !words.back().empty()) words.emplace_back();
  }
  return words;
}

std::string TagOf(std::string_view stem) {
  std::string tag;
  for (const std::string& word : Words(stem)) {
    if (IsQuantTag(word)) tag = word;
  }
  return tag;
}

bool IsCompanion(std::string_view path) {
  const std::string name = Upper(FileNameOf(path));
  return name.starts_with("MMPROJ") || name.starts_with("MTP-") || name.find("IMATRIX") != std::string::npos;
}

std::string Listed(const std::vector<ModelChoice>& choices) {
  std::vector<std::string> names;
  for (const ModelChoice& choice : choices) {
    const bool unique = std::count_if(choices.begin(), choices.end(),
                                      [&](const ModelChoice& other) { return other.tag == choice.tag; }) == 1;
    const std::string& path = choice.folder.empty() ? choice.paths[0] : choice.folder;
    names.push_back(!choice.tag.empty() && unique ? choice.tag : path);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::vector<ModelChoice> Matching(const std::vector<ModelChoice>& choices, std::string_view quant) {
  std::vector<ModelChoice> found;
  for (const ModelChoice& choice : choices) {
    if (choice.paths[0] == quant || FileNameOf(choice.paths[0]) == quant) return {choice};
    if (Upper(choice.tag) == Upper(quant)) found.push_back(choice);
  }
  if (found.size() == 1) return found;
  // A tag that we do not know by itself ("UD-Q4_K_XL"): the file that ends in it.
  const std::string wanted = Upper(quant);
  std::vector<ModelChoice> ending;
  for (const ModelChoice& choice : found.empty() ? choices : found) {
    const std::string stem = Upper(ParseShard(WithoutGguf(choice.paths[0])).stem);
    const size_t before = stem.size() - std::min(stem.size(), wanted.size());
    if (stem.ends_with(wanted) &&
        (before == 0 || std::string_view("-._/").find(stem[before - 1]) != std::string::npos)) {
      ending.push_back(choice);
    }
  }
  return ending.empty() ? found : ending;
}

// What a folder of safetensors is read with, besides its weights: config, tokenizer, and what follows an
// encoder.
bool IsFolderFile(std::string_view path) {
  if (path.find('/') != std::string_view::npos)
    return path.ends_with("_Pooling/config.json") || path.ends_with("_Dense/config.json") ||
           path.ends_with("_Dense/model.safetensors");
  for (std::string_view end :
       {".json", ".jinja", "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model", ".tiktoken"}) {
    if (path.ends_with(end)) return true;
  }
  return false;
}

// model.safetensors, or all of model-00001-of-00003.safetensors ...; nothing where a shard is missing.
// "consolidated", "adapter_model" and what else may lie there is the same weights again, or not a model.
std::vector<std::string> FolderWeights(const std::vector<std::string>& sorted) {
  constexpr std::string_view kEnd = ".safetensors";
  std::vector<std::string> shards;
  int count = 0;
  for (const std::string& path : sorted) {
    if (path == "model.safetensors") return {path};
    if (!path.starts_with("model-") || !path.ends_with(kEnd)) continue;
    const ShardName shard = ParseShard(std::string_view(path).substr(0, path.size() - kEnd.size()));
    if (shard.index != static_cast<int>(shards.size()) + 1) return {};
    count = shard.count;
    shards.push_back(path);
  }
  return static_cast<int>(shards.size()) == count ? shards : std::vector<std::string>{};
}

std::optional<ModelChoice> FindFolder(const std::vector<std::string>& sorted) {
  if (!std::binary_search(sorted.begin(), sorted.end(), "config.json")) return std::nullopt;
  ModelChoice choice{.tag = "safetensors", .paths = FolderWeights(sorted), .is_folder = true};
  if (choice.paths.empty()) return std::nullopt;
  std::copy_if(sorted.begin(), sorted.end(), std::back_inserter(choice.paths), IsFolderFile);
  return choice;
}

}  // namespace

std::vector<ModelChoice> FindModels(const std::vector<std::string>& paths) {
  std::map<std::pair<std::string, int>, std::vector<std::string>> groups;
  std::vector<std::string> sorted(paths);
  std::sort(sorted.begin(), sorted.end());
  for (const std::string& path : sorted) {
    if (!Upper(path).ends_with(".GGUF") || path.size() == 5 || IsCompanion(path)) continue;
    const ShardName shard = ParseShard(WithoutGguf(path));
    std::vector<std::string>& group = groups[{shard.stem, shard.count}];
    if (shard.index == static_cast<int>(group.size()) + (shard.count > 0)) group.push_back(path);
  }
  std::vector<ModelChoice> choices;
  for (auto& [key, files] : groups) {
    if (key.second > 0 && static_cast<int>(files.size()) != key.second) continue;
    choices.push_back({.tag = TagOf(key.first), .paths = std::move(files)});
  }
  if (auto folder = FindFolder(sorted)) choices.push_back(*std::move(folder));
  return choices;
}

namespace {

Result<ModelChoice> Choose(const std::vector<ModelChoice>& choices, std::string_view quant,
                           std::string_view object) {
  if (choices.empty())
    return NotFound(
        fmt::format("{}: no model in it, neither .gguf nor config.json with .safetensors files", object));
  if (!quant.empty()) {
    const std::vector<ModelChoice> found = Matching(choices, quant);
    if (found.size() == 1) return found[0];
    if (found.empty())
      return NotFound(fmt::format("{}: no '{}' in it; there is {}", object, quant, Listed(choices)));
    return BadInput(fmt::format("{}: '{}' may be any of {}", object, quant, Listed(found)));
  }
  if (choices.size() == 1 || (choices.size() == 2 && !choices[0].is_folder && choices[1].is_folder))
    return choices[0];
  for (std::string_view tag : kPreferred) {
    const std::vector<ModelChoice> found = Matching(choices, tag);
    if (found.size() == 1) return found[0];
  }
  return BadInput(fmt::format("{}: several models in it, say which: {}", object, Listed(choices)));
}

// What lies below `folder` ("a/b/"), by its name in there.
std::vector<std::string> Below(const std::vector<std::string>& sorted, std::string_view folder) {
  std::vector<std::string> names;
  for (auto at = std::lower_bound(sorted.begin(), sorted.end(), folder);
       at != sorted.end() && at->starts_with(folder); ++at) {
    names.push_back(at->substr(folder.size()));
  }
  return names;
}

// Models in folders, not those in folders of a model (2_Dense/ of an encoder).
std::vector<ModelChoice> FindFolders(const std::vector<std::string>& sorted) {
  constexpr std::string_view kConfig = "config.json";
  std::vector<std::string> folders;
  for (const std::string& path : sorted) {
    if (FileNameOf(path) == kConfig) folders.push_back(path.substr(0, path.size() - kConfig.size()));
  }
  std::stable_sort(folders.begin(), folders.end(),
                   [](const std::string& a, const std::string& b) { return a.size() < b.size(); });
  std::vector<ModelChoice> found;
  for (const std::string& folder : folders) {
    const auto holds = [&](const ModelChoice& outer) { return folder.starts_with(outer.folder); };
    if (std::any_of(found.begin(), found.end(), holds)) continue;
    auto choice = FindFolder(Below(sorted, folder));
    if (!choice) continue;
    for (std::string& path : choice->paths) path = folder + path;
    choice->folder = folder;
    found.push_back(*std::move(choice));
  }
  return found;
}

}  // namespace

Result<ModelChoice> ChooseModel(const std::vector<std::string>& paths, std::string_view quant,
                                std::string_view object) {
  return Choose(FindModels(paths), quant, object);
}

Result<ModelChoice> ChooseInArchive(const std::vector<std::string>& paths, std::string_view member,
                                    std::string_view object) {
  std::vector<std::string> sorted;
  std::copy_if(paths.begin(), paths.end(), std::back_inserter(sorted), IsSafeRelativePath);
  std::sort(sorted.begin(), sorted.end());
  if (std::binary_search(sorted.begin(), sorted.end(), member)) {
    return ModelChoice{.paths = {std::string(member)}};
  }
  const std::string folder = member.empty() ? "" : std::string(member) + "/";
  sorted = Below(sorted, folder);
  if (sorted.empty() && !folder.empty()) return NotFound(fmt::format("{}: no '{}' in it", object, member));
  std::vector<ModelChoice> choices = FindModels(sorted);
  std::erase_if(choices, [](const ModelChoice& choice) { return choice.is_folder; });
  for (ModelChoice& choice : FindFolders(sorted)) choices.push_back(std::move(choice));
  TERN_TRY(ModelChoice choice, Choose(choices, "", object));
  for (std::string& path : choice.paths) path = folder + path;
  choice.folder = folder + choice.folder;
  return choice;
}

Result<std::string> OnlyPath(const ModelChoice& choice, std::string_view object) {
  if (choice.paths.size() == 1) return choice.paths[0];
  return Unsupported(fmt::format("{}: a model in several files; expected one .gguf", object));
}

}  // namespace tern
