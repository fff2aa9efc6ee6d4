#include "malformed_folders/broken_folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "malformed_folders/broken_json.h"
#include "malformed_folders/valid_folders.h"

namespace tern {
namespace {

constexpr size_t kAll = SIZE_MAX;

class Generator {
 public:
  Generator(uint64_t seed, size_t count, const std::function<void(const Broken&)>& visit)
      : random_(seed), left_(count), visit_(visit) {}

  void Run() {
    const std::vector<ValidFolder> folders = ValidFolders();
    BuildWrong(folders[0]);
    LieInIndex(folders[1]);
    for (const ValidFolder& folder : EmptyRowFolders()) Emit("2^53 rows of nothing", folder, false);
    for (const ValidFolder& folder : folders) {
      Cut(folder);
      BreakTexts(folder, &folder == folders.data());
    }
    while (left_ > 0) Damage(folders[Pick(folders.size())]);
  }

 private:
  void Emit(std::string what, const ValidFolder& folder, bool may_load) {
    EmitFiles(std::move(what), folder.name, folder.Files(), may_load);
  }
  void EmitFiles(const std::string& what, std::string_view name,
                 std::vector<std::pair<std::string, std::string>> files, bool may_load) {
    if (left_ == 0) return;
    --left_;
    visit_({fmt::format("{}: {}", name, what), std::move(files), may_load});
  }
  size_t Pick(size_t below) { return random_() % below; }

  void BuildWrong(const ValidFolder& valid);
  void LieInIndex(const ValidFolder& valid);
  void Cut(const ValidFolder& valid);
  void BreakTexts(const ValidFolder& valid, bool all);
  void Damage(const ValidFolder& valid);

  std::mt19937_64 random_;
  size_t left_;
  const std::function<void(const Broken&)>& visit_;
};

// The whole files of one folder with the first weight file given as bytes.
std::vector<std::pair<std::string, std::string>> WithWeights(const ValidFolder& valid, std::string bytes) {
  auto files = valid.Files();
  files.back().second = std::move(bytes);
  return files;
}

std::string Length(uint64_t bytes) {
  std::string out(8, '\0');
  for (size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(bytes >> 8 * i & 255);
  return out;
}

void Generator::BuildWrong(const ValidFolder& valid) {
  const SafeFile& file = valid.files[0].second;
  const std::string bytes = file.bytes();
  for (const uint64_t length :
       {uint64_t{0}, uint64_t{1}, uint64_t{7}, file.header.size() - 1, file.header.size() + 1,
        bytes.size() - 8, bytes.size() - 7, uint64_t{100'000'000}, uint64_t{100'000'001}, uint64_t{1} << 31,
        uint64_t{1} << 32, uint64_t{1} << 63, UINT64_MAX - 7, UINT64_MAX}) {
    EmitFiles(fmt::format("header length {}", length), valid.name,
              WithWeights(valid, Length(length) + bytes.substr(8)), false);
  }
  const auto header = [&](const std::string& what, std::string text, std::string data, bool may_load) {
    EmitFiles(what, valid.name, WithWeights(valid, SafeFile{std::move(text), std::move(data)}.bytes()),
              may_load);
  };
  const std::string tensor = R"(:{"dtype":"U8","shape":[4],"data_offsets":[)";
  header("overlap", R"({"a")" + tensor + R"(0,4]},"b")" + tensor + "2,6]}}", std::string(6, 'x'), false);
  header("hole", R"({"a")" + tensor + R"(0,4]},"b")" + tensor + "6,10]}}", std::string(10, 'x'), false);
  header("one place for two", R"({"a")" + tensor + R"(0,4]},"b")" + tensor + "0,4]}}", "xxxx", false);
  header("a name twice", R"({"a")" + tensor + R"(0,4]},"a")" + tensor + "0,4]}}", "xxxx", false);
  header("a name twice, escaped", R"({"a")" + tensor + R"(0,4]},"\u0061")" + tensor + "0,4]}}", "xxxx",
         false);
  header("data behind the last", file.header, file.data + "x", false);
  header("data missing", file.header, file.data.substr(1), false);
  header("no tensors", "{}", "", true);
  header("spaces", std::string(200'000, ' '), "", false);
  header("spaces behind", file.header + std::string(200'000, ' '), file.data, true);
  header("brackets", "{\"a\":" + std::string(200'000, '['), "", false);
  header(
      "braces",
      [] {
        std::string text;
        for (int i = 0; i < 40'000; ++i) text += "{\"a\":";
        return text;
      }(),
      "", false);
  std::string list, many = "{", metadata = R"({"__metadata__":{)";
  for (int i = 0; i < 100'000; ++i) list += "1,";
  for (int i = 0; i < 3000; ++i) {
    many += fmt::format(R"({}"t{}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", i == 0 ? "" : ",", i);
    metadata += fmt::format(R"({}"k{}":"v")", i == 0 ? "" : ",", i);
  }
  header("a shape of 100001 sizes", R"({"a":{"dtype":"U8","shape":[)" + list + R"(1],"data_offsets":[0,1]}})",
         "x", false);
  header("3000 empty tensors", many + "}", "", true);
  header("much metadata", metadata + "}}", "", true);
  header("a long name", "{\"" + std::string(200'000, 'n') + "\"" + tensor + "0,5]}}", "xxxxx", false);
}

void Generator::LieInIndex(const ValidFolder& valid) {
  const std::string& first = valid.files[0].first;
  for (const char* name : {"../model.safetensors",
                           "/etc/passwd",
                           "a/../../x",
                           "",
                           ".",
                           "..",
                           "./",
                           "a//b",
                           "config.json",
                           "none.safetensors",
                           "model.safetensors.index.json",
                           "\\\\server\\x",
                           "a\\u0000b",
                           "a\\nb",
                           "../../../../../../etc/passwd",
                           "~/x",
                           "%2e%2e/x",
                           "/dev/zero",
                           "/dev/stdin",
                           "/proc/self/mem"}) {
    ValidFolder folder = valid;
    for (size_t at = folder.index.find(first); at != folder.index.npos; at = folder.index.find(first, at + 1))
      folder.index.replace(at, first.size(), name);
    Emit(fmt::format("shard named {}", name), folder, false);
  }
  ValidFolder longest = valid;
  longest.index.replace(longest.index.find(first), first.size(), std::string(100'000, 'x'));
  Emit("shard with a long name", longest, false);
  ValidFolder more = valid;
  more.index.insert(more.index.rfind("}}"), R"(, "model.layers.0.self_attn.q_proj.bias": ")" + first + "\"");
  Emit("a tensor that no shard has", more, false);
  for (const size_t missing : {0, 1}) {
    ValidFolder folder = valid;
    folder.files.erase(folder.files.begin() + static_cast<long>(missing));
    Emit(fmt::format("shard {} missing", missing), folder, false);
    folder = valid;
    folder.files[missing].second = valid.files[1 - missing].second;
    Emit(fmt::format("shard {} twice", 1 - missing), folder, false);
    folder = valid;
    auto files = folder.Files();
    files[2 + missing].second.clear();
    EmitFiles(fmt::format("shard {} empty", missing), valid.name, std::move(files), false);
  }
  std::string map;
  for (int i = 0; i < 3000; ++i)
    map += fmt::format(R"({}"t{}": "m{}.safetensors")", i == 0 ? "" : ", ", i, i);
  ValidFolder many = valid;
  many.index = R"({"weight_map": {)" + map + "}}";
  Emit("3000 shards that are not there", many, false);
}

// Every file, at every byte of texts and of the header's length, and here and there in the rest.
void Generator::Cut(const ValidFolder& valid) {
  const auto files = valid.Files();
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string& bytes = files[i].second;
    for (size_t end = 0; end < bytes.size(); end += end < 16 ? 1 : 13) {
      auto cut = files;
      cut[i].second.resize(end);
      EmitFiles(fmt::format("{} cut to {} bytes", files[i].first, end), valid.name, std::move(cut), false);
    }
  }
}

// All values of one folder; of the others, every fifth change to what only they have.
void Generator::BreakTexts(const ValidFolder& valid, bool all) {
  const size_t config_begin = all ? 0 : valid.config.find("\"quantization_config\"");
  const std::string prefix = valid.config.substr(0, std::min(config_begin, valid.config.size()));
  size_t seen = 0;
  const auto is_next = [&] { return all || seen++ % 5 == 0; };
  for (BrokenJson& broken : BreakJson(valid.config, kAll)) {
    if (!broken.text.starts_with(prefix) || !is_next()) continue;
    ValidFolder folder = valid;
    folder.config = std::move(broken.text);
    Emit("config.json: " + broken.what, folder, true);
  }
  if (!valid.index.empty()) {
    for (BrokenJson& broken : BreakJson(valid.index, 200)) {
      ValidFolder folder = valid;
      folder.index = std::move(broken.text);
      Emit("index: " + broken.what, folder, true);
    }
  }
  for (BrokenJson& broken : BreakJson(valid.files[0].second.header, all ? 250 : valid.own_bytes)) {
    if (!is_next()) continue;
    ValidFolder folder = valid;
    folder.files[0].second.header = std::move(broken.text);
    Emit("header: " + broken.what, folder, true);
  }
}

void Generator::Damage(const ValidFolder& valid) {
  auto files = valid.Files();
  std::string& bytes = files[Pick(files.size())].second;
  const size_t changes = 1 + Pick(4);
  for (size_t i = 0; i < changes && !bytes.empty(); ++i) {
    // Most of a weight file is data, where damage is no error.
    const size_t at = Pick(std::min<size_t>(bytes.size(), 1200));
    switch (Pick(4)) {
      case 0:
        bytes[at] = static_cast<char>(random_());
        break;
      case 1:
        bytes[at] ^= static_cast<char>(1 << Pick(8));
        break;
      case 2:
        bytes.erase(at, 1 + Pick(8));
        break;
      default:
        bytes.insert(at, bytes.substr(Pick(bytes.size()), 1 + Pick(16)));
    }
  }
  EmitFiles("damaged at random", valid.name, std::move(files), true);
}

}  // namespace

void ForEachBrokenFolder(uint64_t seed, size_t count, const std::function<void(const Broken&)>& visit) {
  Generator(seed, count, visit).Run();
}

}  // namespace tern
