#include "malformed/judge.h"

#include <stdlib.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <fstream>

#include "base/utf8.h"
#include "malformed/heap_meter.h"
#include "sanitized.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxSeconds = 1;
constexpr long kMaxPeakKb = 64 * 1024;
constexpr size_t kMaxMessage = 2000;  // a list of all supported models is long

// Reads the first and last row of every tensor: a wrong range faults, or ASan sees it. "": all is well.
std::string WhatIsWrongWith(const Checkpoint& checkpoint) {
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    if (checkpoint.Find(name) != &tensor) return "a tensor is not found by its name";
    std::vector<float> row(static_cast<size_t>(tensor.cols()));
    tensor.format->decode(tensor.row(0), 0, row.data(), row.size());
    tensor.format->decode(tensor.row(tensor.rows() - 1), 0, row.data(), row.size());
  }
  return "";
}

// "": the message is one clear line.
std::string WhatIsWrongWith(const std::string& message, size_t path_bytes) {
  if (message.size() > kMaxMessage + path_bytes) return "the error is too long";
  if (!IsUtf8(message)) return "the error is not valid UTF-8";
  for (const char c : message) {
    if (static_cast<unsigned char>(c) < 0x20) return "the error has control characters";
  }
  return "";
}

}  // namespace

bool ParseJudgeOptions(int argc, char** argv, JudgeOptions* options) {
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

void WriteBytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

Judge::Judge(Rules rules, const JudgeOptions& options) : rules_(std::move(rules)), options_(options) {
  std::string pattern = (fs::temp_directory_path() / "tern_malformed_XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) std::perror("mkdtemp");
  folder_ = pattern;
}

Judge::~Judge() { fs::remove_all(folder_); }

std::string Judge::CheckLoaded(const Checkpoint& checkpoint) const {
  const std::string problem = WhatIsWrongWith(checkpoint);
  if (!problem.empty() || !rules_.use) return problem;
  const Status used = rules_.use(checkpoint);
  if (used.ok()) return "";
  if (options_.only >= 0) std::printf("%s\n", used.error().what.c_str());
  return WhatIsWrongWith(used.error().what, 0);
}

// Opens it; "": all is as it should be.
std::string Judge::Problem(const Broken& broken, size_t bytes, const std::string& path) {
  HeapMeter::Start();
  const auto start = std::chrono::steady_clock::now();
  auto opened = rules_.open(path);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const size_t heap = HeapMeter::Peak();

  if (seconds > slowest_seconds_) slowest_seconds_ = seconds, slowest_ = broken.what;
  const double beyond = heap < rules_.heap_constant ? 0 : static_cast<double>(heap - rules_.heap_constant);
  const double ratio = beyond / static_cast<double>(bytes);
  if (ratio > most_heap_) most_heap_ = ratio, most_heap_of_ = broken.what;
  (opened.ok() ? loaded_ : errors_)++;
  if (options_.only >= 0)
    std::printf("%s: %s\n", broken.what.c_str(), opened.ok() ? "loads" : opened.error().what.c_str());

  if (seconds > kMaxSeconds) return "took " + std::to_string(seconds) + " s";
  if (ratio > rules_.heap_factor) return "took " + std::to_string(heap) + " bytes of heap";
  if (opened.ok()) return broken.may_load ? CheckLoaded(*opened.value()) : "loads, expected an error";
  const std::string& message = opened.error().what;
  if (!message.starts_with(folder_.string())) return "the error does not start with the file's path";
  return WhatIsWrongWith(message, folder_.string().size());
}

void Judge::Take(const Broken& broken) {
  const size_t index = seen_++;
  if (options_.only >= 0 && static_cast<size_t>(options_.only) != index) return;
  for (const auto& entry : fs::directory_iterator(folder_)) fs::remove_all(entry);
  size_t bytes = 0;
  for (const auto& [name, content] : broken.files) {
    WriteBytes(folder_ / name, content);
    bytes += content.size();
  }
  const fs::path path = rules_.is_folder ? folder_ : folder_ / broken.files[0].first;
  const std::string problem = Problem(broken, bytes, path.string());
  if (problem.empty()) return;
  if (++failures_ <= 20) std::printf("file %zu (%s): %s\n", index, broken.what.c_str(), problem.c_str());
  std::fflush(stdout);
}

int Judge::Report() const {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%zu files: %zu errors, %zu loaded, %zu failures\n", seen_, errors_, loaded_, failures_);
  std::printf("slowest: %.1f ms (%s)\n", slowest_seconds_ * 1e3, slowest_.c_str());
  std::printf("heap: at most %.1f bytes per byte of the files, plus %zu KiB (%s)\n", most_heap_,
              rules_.heap_constant / 1024, most_heap_of_.c_str());
  std::printf("peak memory: %.1f MB%s\n", static_cast<double>(usage.ru_maxrss) / 1024,
              kSanitized ? " (sanitized)" : "");
  if (!kSanitized && usage.ru_maxrss > kMaxPeakKb) {
    std::printf("peak memory: expected at most %ld MB\n", kMaxPeakKb / 1024);
    return 1;
  }
  return failures_ == 0 ? 0 : 1;
}

}  // namespace tern
