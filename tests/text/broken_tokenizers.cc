// Thousands of broken tokenizer files: each folder must be refused by one clear line that names the file, or
// load; what loads must tokenize; all in time.
//
//   broken_tokenizers [--seed S] [--count N]     run (defaults: 1 and 4000)
//   broken_tokenizers --only I                   the I-th alone, and what is said about it
//   broken_tokenizers --write DIR                the valid files and broken ones as files: seeds for the
//   fuzzer

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/utf8.h"
#include "sanitized.h"
#include "text/hf/folder.h"
#include "text/valid_tokenizers.h"

namespace tern {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr double kMaxSeconds = kSanitized ? 20 : 1;
constexpr size_t kMaxMessage = 1000;
constexpr const char* kWords[] = {"{",       "}",       "[",     "]",
                                  "\"",      ",",       ":",     "null",
                                  "true",    "-1",      "1e999", "99999999999999999999",
                                  "\\u0000", "\\ud800", "\xC3",  "{\"type\": \"Sequence\"}",
                                  "\"BPE\"", "\"\"",    " ",     "\\",
                                  "▁",       "0.5"};
// Patterns and texts that take long where nobody counts.
constexpr const char* kPatterns[] = {
    "(a+)+b",    "(?:a|aa)*c", "\\s+$", "(?=.*z)", "[[[[a]]]]", "[^&&a]",        "(",
    "a{2,1}",    "(?<=a+)b",   "\\K",   "(?R)?a",  "\\p{Nope}", "(?:(?:a*)*)*b", "x{1000}{1000}",
    ".*.*.*.*=", "\\G",        "",      "a|",      "\\C"};

std::string Repeated(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

struct BrokenFolder {
  std::string what;
  std::vector<std::pair<std::string, std::string>> files;
};

class Breaker {
 public:
  explicit Breaker(uint64_t seed) : random_(seed) {}

  BrokenFolder Next() {
    switch (Below(8)) {
      case 0:
        return {"sentencepiece",
                {{"tokenizer.model", Damaged(ValidSentencePieceModel(1 + static_cast<int>(Below(2))))}}};
      case 1:
        return {"settings",
                {{"tokenizer.json", Valid()}, {"tokenizer_config.json", Altered(kValidSettings)}}};
      case 2:
        return {
            "bytes",
            {{"tokenizer.json", Damaged(Valid())}, {"tokenizer_config.json", std::string(kValidSettings)}}};
      case 3:
        return {"vocabulary files",
                {{"vocab.json", Altered(R"({"a": 0, "b": 1, "ab": 2, "Ġ": 3})")},
                 {"merges.txt", Damaged("#version\na b\n")}}};
      default:
        return {"values", {{"tokenizer.json", Altered(Valid())}}};
    }
  }

 private:
  size_t Below(size_t most) { return most == 0 ? 0 : random_() % most; }
  std::string Valid() { return std::string(kValidTokenizers[Below(std::size(kValidTokenizers))]); }

  std::string Damaged(std::string text) {
    for (size_t i = 1 + Below(4); i > 0; --i) {
      const size_t at = Below(text.size() + 1);
      const size_t count = Below(std::min<size_t>(text.size() - at, 40) + 1);
      switch (Below(5)) {
        case 0:
          text.erase(at, count);
          break;
        case 1:
          text.insert(at, text.substr(Below(text.size()), Below(60)));
          break;
        case 2:
          text.insert(at, kWords[Below(std::size(kWords))]);
          break;
        case 3:
          if (at < text.size()) text[at] = static_cast<char>(random_());
          break;
        default:
          text.resize(at);
          break;
      }
    }
    return text;
  }

  // Valid JSON with one to three values changed.
  std::string Altered(std::string_view text) {
    json::value root = json::parse(text);
    for (size_t i = 1 + Below(3); i > 0; --i) {
      json::value* at = &root;
      while (Descend(&at) && Below(6) > 0) continue;
      Change(at);
    }
    return json::serialize(root);
  }

  bool Descend(json::value** at) {
    if (auto* object = (*at)->if_object(); object != nullptr && !object->empty()) {
      *at = &(object->begin() + static_cast<ptrdiff_t>(Below(object->size())))->value();
      return true;
    }
    if (auto* array = (*at)->if_array(); array != nullptr && !array->empty()) {
      *at = &(*array)[Below(array->size())];
      return true;
    }
    return false;
  }

  void Change(json::value* value) {
    switch (Below(12)) {
      case 0:
        *value = nullptr;
        break;
      case 1:
        *value = Below(2) == 0;
        break;
      case 2:
        *value = static_cast<int64_t>(random_()) >> Below(64);
        break;
      case 3:
        *value = json::array(Below(3), *value);
        break;
      case 4:
        *value = Repeated(kWords[Below(std::size(kWords))], Below(50));
        break;
      case 5:
        *value = 1.5 * static_cast<double>(Below(1000));
        break;
      case 6:
        for (size_t depth = Below(40); depth > 0; --depth) *value = json::array{*value};
        break;
      case 7:
        for (size_t depth = Below(28); depth > 0; --depth)
          *value = json::object{{"type", "Sequence"}, {"normalizers", json::array{*value}}};
        break;
      case 8:
        if (auto* object = value->if_object(); object != nullptr && !object->empty()) {
          object->erase(object->begin() + static_cast<ptrdiff_t>(Below(object->size())));
        }
        break;
      case 9:
        if (auto* array = value->if_array()) array->resize(Below(2 * array->size() + 1));
        break;
      case 10:
        *value = json::object{{"Regex", kPatterns[Below(std::size(kPatterns))]}};
        break;
      default:
        if (auto* text = value->if_string()) *value = Damaged(std::string(*text));
        break;
    }
  }

  std::mt19937_64 random_;
};

// What was made to hurt: depth, size, growth, patterns without end.
std::vector<BrokenFolder> Hurtful() {
  std::vector<BrokenFolder> made;
  const auto add = [&](std::string what, std::string text) {
    made.push_back({std::move(what), {{"tokenizer.json", std::move(text)}}});
  };
  const std::string model = R"("model": {"vocab": {"a": 0, "b": 1, " ": 2}, "merges": []})";
  for (const size_t n : {10, 31, 33, 1000, 100'000}) {
    add("deep arrays", Repeated("[", n) + Repeated("]", n));
    add("open arrays", Repeated("[", n));
    add("deep sequences", R"({"normalizer": )" + Repeated(R"({"type": "Sequence", "normalizers": [)", n) +
                              Repeated("]}", n) + "," + model + "}");
  }
  for (const char* pattern : kPatterns) {
    const std::string split = json::serialize(json::object{{"Regex", pattern}});
    add(std::string("split at ") + pattern, R"({"pre_tokenizer": {"type": "Split", "pattern": )" + split +
                                                R"(, "behavior": "Removed"}, )" + model + "}");
    add(std::string("replace of ") + pattern, R"({"normalizer": {"type": "Replace", "pattern": )" + split +
                                                  R"(, "content": "aa"}, )" + model + "}");
  }
  add("growth",
      R"({"normalizer": {"type": "Sequence", "normalizers": [)" +
          Repeated(R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaaaaaaaa"},)",
                   100) +
          R"({"type": "NFC"}]}, )" + model + "}");
  add("sparse ids", R"({"model": {"vocab": {"a": 2097151}, "merges": []}})");
  add("a long token",
      R"({"model": {"type": "WordPiece", "vocab": {")" + std::string(1'000'000, 'a') + R"(": 0}}})");
  std::string tokens, merges;
  for (int i = 0; i < 3000; ++i) {
    tokens += fmt::format("{}{{\"id\": {}, \"content\": \"{}x\", \"lstrip\": true}}", i == 0 ? "" : ",",
                          i + 3, std::string(static_cast<size_t>(i % 1000), 'a') + std::to_string(i));
    merges += R"("a b",)";
  }
  add("added tokens", R"({"added_tokens": [)" + tokens + "], " + model + "}");
  add("merges of nothing", R"({"model": {"vocab": {"a": 0, "b": 1}, "merges": [)" + merges + R"("a a"]}})");
  return made;
}

class Run {
 public:
  explicit Run(long only) : only_(only) {
    std::string pattern = (fs::temp_directory_path() / "tern_broken_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::perror("mkdtemp");
    folder_ = pattern;
    texts_ = {"ab a  ab\n\té <tool>1234,5 unable A\u0301 漢字 🦙 it's",
              "a<s>\u2581",
              std::string(3000, 'a'),
              std::string(3000, ' '),
              Repeated("ab ", 1000),
              Repeated("\u0301", 1000),
              std::string("\x00\xFF\xC3", 3)};
  }
  ~Run() { fs::remove_all(folder_); }

  void Open(const BrokenFolder& broken) {
    const size_t index = count_++;
    if (only_ >= 0 && static_cast<size_t>(only_) != index) return;
    for (const auto& entry : fs::directory_iterator(folder_)) fs::remove(entry);
    for (const auto& [name, content] : broken.files) {
      std::ofstream(folder_ / name, std::ios::binary)
          .write(content.data(), static_cast<std::streamsize>(content.size()));
      if (only_ >= 0) fmt::print("{}: {}\n", name, content.substr(0, 4000));
    }
    const std::clock_t start = std::clock();
    const std::string problem = Judge();
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    if (seconds > slowest_) slowest_ = seconds, slowest_what_ = fmt::format("{}: {}", index, broken.what);
    if (problem.empty() && seconds <= kMaxSeconds) return;
    if (++failures_ <= 20) fmt::print("{} ({}): {} in {:.1f} s\n", index, broken.what, problem, seconds);
  }

  int Report() const {
    fmt::print("{} folders: {} errors, {} loaded, {} failures\nslowest: {:.2f} s ({})\n", count_, errors_,
               count_ - errors_, failures_, slowest_, slowest_what_);
    return failures_ == 0 ? 0 : 1;
  }

 private:
  std::string Judge() {
    const auto made = LoadTokenizerFromFolder(folder_);
    if (only_ >= 0) fmt::print("{}\n", made.ok() ? "loads" : made.error().what);
    if (!made.ok()) {
      ++errors_;
      return WhatIsWrongWith(made.error().what);
    }
    for (const std::string& text : texts_) {
      const std::vector<int32_t> ids = EncodeInput(*made.value(), text, true);
      Detokenizer detokenizer(*made.value());
      std::string released;
      for (int32_t id : ids) {
        if (id < 0 || id >= made.value()->size()) return fmt::format("id {} of {}", id, made.value()->size());
        detokenizer.Push(id, &released);
        if (!IsUtf8(released)) return "streams what is not UTF-8";
        released.clear();
      }
      EncodePair(*made.value(), text, text);
      EncodeSegments(*made.value(), std::vector<TextSegment>{{text, true}, {text, false}});
    }
    return "";
  }

  std::string WhatIsWrongWith(const std::string& message) const {
    if (!message.starts_with(folder_.string() + "/"))
      return "the error does not begin with the file's path: " + message;
    if (message.size() > kMaxMessage + folder_.string().size())
      return "the error is too long: " + message.substr(0, 200);
    if (!IsUtf8(message)) return "the error is not UTF-8";
    for (const char c : message) {
      if (static_cast<unsigned char>(c) < 0x20) return "the error has control characters";
    }
    return "";
  }

  long only_;
  fs::path folder_;
  std::vector<std::string> texts_;
  size_t count_ = 0, errors_ = 0, failures_ = 0;
  double slowest_ = 0;
  std::string slowest_what_;
};

int WriteSeeds(const fs::path& folder, Breaker* breaker) {
  fs::create_directories(folder);
  size_t number = 0;
  const auto write = [&](std::string_view text) {
    std::ofstream(folder / fmt::format("{}.json", number++), std::ios::binary) << text;
  };
  for (std::string_view text : kValidTokenizers) write(text);
  for (int i = 0; i < 500; ++i) {
    for (const auto& [name, content] : breaker->Next().files) {
      if (name == "tokenizer.json") write(content);
    }
  }
  fmt::print("{} files in {}\n", number, folder.string());
  return 0;
}

int Main(int argc, char** argv) {
  uint64_t seed = 1;
  size_t count = 4000;
  long only = -1;
  std::string write_to;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--count") count = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--only") only = std::strtol(argv[i + 1], nullptr, 10);
    if (flag == "--write") write_to = argv[i + 1];
  }
  Breaker breaker(seed);
  if (!write_to.empty()) return WriteSeeds(write_to, &breaker);
  Run run(only);
  for (const BrokenFolder& folder : Hurtful()) run.Open(folder);
  for (size_t i = 0; i < count; ++i) run.Open(breaker.Next());
  return run.Report();
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) { return tern::Main(argc, argv); }
