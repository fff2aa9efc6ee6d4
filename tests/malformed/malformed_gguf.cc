// malformed_gguf: opens thousands of broken GGUF files. Each must give a clear error, or load where the
// damage left a valid file; within a second, with little memory, and without a crash. What loads is then
// read.
//
//   malformed_gguf [--seed S] [--count N]      run (defaults: 1 and 12000)
//   malformed_gguf --only I                    the I-th file alone, and what is said about it
//   malformed_gguf --write FOLDER [--count N]  write the valid files and N broken ones: seeds for fuzzing

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/utf8.h"
#include "io/checkpoint.h"
#include "io/gguf.h"
#include "malformed/blueprint.h"
#include "malformed/broken_files.h"
#include "malformed/heap_meter.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxSeconds = 1;
constexpr long kMaxPeakKb = 64 * 1024;
// Heap per byte of the file, plus what messages and containers cost in any case.
constexpr size_t kHeapFactor = 8;
constexpr size_t kHeapConstant = 64 * 1024;
constexpr size_t kMaxMessage = 1000;

struct Options {
  uint64_t seed = 1;
  size_t count = 12000;
  long only = -1;
  std::string write_to;
};

struct Tally {
  size_t files = 0, errors = 0, loaded = 0, failures = 0;
  double slowest = 0;
  std::string slowest_what;
  double most_heap = 0;  // bytes beyond the constant, per byte of the file
  std::string most_heap_what;
};

void WriteBytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Reads the first and last row of every tensor: a wrong range faults, or ASan sees it. "": all is well.
std::string WhatIsWrongWith(const Checkpoint& checkpoint) {
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    std::vector<float> row(static_cast<size_t>(tensor.cols()));
    tensor.format->decode(tensor.row(0), 0, row.data(), row.size());
    tensor.format->decode(tensor.row(tensor.rows() - 1), 0, row.data(), row.size());
    if (checkpoint.Find(name) != &tensor) return "a tensor is not found by its name";
  }
  return "";
}

// "": the message is one clear line that names the file.
std::string WhatIsWrongWith(const std::string& message, const fs::path& folder) {
  if (!message.starts_with(folder.string())) return "the error does not start with the file's path";
  if (message.size() > kMaxMessage + folder.string().size()) return "the error is too long";
  if (!IsUtf8(message)) return "the error is not valid UTF-8";
  for (const char c : message) {
    if (static_cast<unsigned char>(c) < 0x20) return "the error has control characters";
  }
  return "";
}

class Run {
 public:
  explicit Run(const Options& options) : options_(options) {
    std::string pattern = (fs::temp_directory_path() / "tern_malformed_XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::perror("mkdtemp");
    folder_ = pattern;
  }
  ~Run() { fs::remove_all(folder_); }
  void Open(const BrokenFile& file);
  int Report() const;

 private:
  std::string Judge(const BrokenFile& file, size_t file_bytes, const std::string& path);

  Options options_;
  fs::path folder_;
  Tally tally_;
};

// Opens the file; "": all is as it should be.
std::string Run::Judge(const BrokenFile& file, size_t file_bytes, const std::string& path) {
  HeapMeter::Start();
  const auto start = std::chrono::steady_clock::now();
  auto opened = OpenCheckpoint(path);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const size_t heap = HeapMeter::Peak();

  if (seconds > tally_.slowest) tally_.slowest = seconds, tally_.slowest_what = file.what;
  const double ratio =
      heap < kHeapConstant ? 0 : static_cast<double>(heap - kHeapConstant) / static_cast<double>(file_bytes);
  if (ratio > tally_.most_heap) tally_.most_heap = ratio, tally_.most_heap_what = file.what;
  (opened.ok() ? tally_.loaded : tally_.errors)++;
  if (options_.only >= 0)
    std::printf("%s: %s\n", file.what.c_str(), opened.ok() ? "loads" : opened.error().what.c_str());

  if (seconds > kMaxSeconds) return "took " + std::to_string(seconds) + " s";
  if (heap > kHeapFactor * file_bytes + kHeapConstant)
    return "took " + std::to_string(heap) + " bytes of heap";
  if (!opened.ok()) return WhatIsWrongWith(opened.error().what, folder_);
  if (!file.may_load) return "loads, expected an error";
  return WhatIsWrongWith(*opened.value());
}

void Run::Open(const BrokenFile& file) {
  const size_t index = tally_.files++;
  if (options_.only >= 0 && static_cast<size_t>(options_.only) != index) return;
  for (const auto& entry : fs::directory_iterator(folder_)) fs::remove(entry);
  size_t bytes = 0;
  for (const auto& [name, content] : file.shards) {
    WriteBytes(folder_ / name, content);
    bytes += content.size();
  }
  const std::string problem = Judge(file, bytes, (folder_ / file.shards[0].first).string());
  if (problem.empty()) return;
  if (++tally_.failures <= 20) std::printf("file %zu (%s): %s\n", index, file.what.c_str(), problem.c_str());
}

int Run::Report() const {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%zu files: %zu errors, %zu loaded, %zu failures\n", tally_.files, tally_.errors, tally_.loaded,
              tally_.failures);
  std::printf("slowest: %.1f ms (%s)\n", tally_.slowest * 1e3, tally_.slowest_what.c_str());
  std::printf("heap: at most %.1f bytes per byte of the file, plus 64 KiB (%s)\n", tally_.most_heap,
              tally_.most_heap_what.c_str());
  std::printf("peak memory: %.1f MB%s\n", static_cast<double>(usage.ru_maxrss) / 1024,
              kSanitized ? " (sanitized)" : "");
  if (!kSanitized && usage.ru_maxrss > kMaxPeakKb) {
    std::printf("peak memory: expected at most %ld MB\n", kMaxPeakKb / 1024);
    return 1;
  }
  return tally_.failures == 0 ? 0 : 1;
}

// The generator breaks what works: its valid files must load.
bool ValidFilesLoad() {
  for (const Blueprint& file : ValidFiles()) {
    const auto parsed = ParseGguf(std::as_bytes(std::span(file.bytes())), file.name());
    if (parsed.ok()) continue;
    std::printf("a valid file does not load: %s\n", parsed.error().what.c_str());
    return false;
  }
  return true;
}

int WriteSeeds(const Options& options) {
  fs::create_directories(options.write_to);
  size_t number = 0;
  const auto write = [&](const std::string& bytes) {
    WriteBytes(fs::path(options.write_to) / (std::to_string(number++) + ".gguf"), bytes);
  };
  for (const Blueprint& file : ValidFiles()) write(file.bytes());
  for (const Blueprint& file : ValidShards()) write(file.bytes());
  // Every 7th, so that each kind of damage is among them.
  size_t seen = 0;
  ForEachBrokenFile(options.seed, options.count * 7, [&](const BrokenFile& file) {
    const std::string& bytes = file.shards[0].second;
    if (seen++ % 7 == 0 && bytes.size() < 8192) write(bytes);
  });
  std::printf("%zu files in %s\n", number, options.write_to.c_str());
  return 0;
}

bool ParseOptions(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc) return false;
    if (flag == "--seed")
      options->seed = std::strtoull(argv[i + 1], nullptr, 10);
    else if (flag == "--count")
      options->count = std::strtoull(argv[i + 1], nullptr, 10);
    else if (flag == "--only")
      options->only = std::strtol(argv[i + 1], nullptr, 10);
    else if (flag == "--write")
      options->write_to = argv[i + 1];
    else
      return false;
  }
  return true;
}

int Main(int argc, char** argv) {
  Options options;
  if (!ParseOptions(argc, argv, &options)) {
    std::printf("usage: malformed_gguf [--seed S] [--count N] [--only I] [--write FOLDER]\n");
    return 2;
  }
  if (!ValidFilesLoad()) return 1;
  if (!options.write_to.empty()) return WriteSeeds(options);
  Run run(options);
  ForEachBrokenFile(options.seed, options.count, [&](const BrokenFile& file) { run.Open(file); });
  return run.Report();
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) { return tern::Main(argc, argv); }
