// malformed_gguf: opens thousands of broken GGUF files. Each must give a clear error, or load where the
// damage left a valid file; within a second, with little memory, and without a crash. What loads is then
// read.
//
//   malformed_gguf [--seed S] [--count N]      run (defaults: 1 and 12000)
//   malformed_gguf --only I                    the I-th file alone, and what is said about it
//   malformed_gguf --write FOLDER [--count N]  write the valid files and N broken ones: seeds for fuzzing

#include <cstdio>
#include <filesystem>

#include "io/gguf.h"
#include "malformed/blueprint.h"
#include "malformed/broken_files.h"
#include "malformed/judge.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

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

int WriteSeeds(const JudgeOptions& options) {
  fs::create_directories(options.write_to);
  size_t number = 0;
  const auto write = [&](const std::string& bytes) {
    WriteBytes(fs::path(options.write_to) / (std::to_string(number++) + ".gguf"), bytes);
  };
  for (const Blueprint& file : ValidFiles()) write(file.bytes());
  for (const Blueprint& file : ValidShards()) write(file.bytes());
  // Every 7th, so that each kind of damage is among them.
  size_t seen = 0;
  ForEachBrokenFile(options.seed, options.count * 7, [&](const Broken& file) {
    const std::string& bytes = file.files[0].second;
    if (seen++ % 7 == 0 && bytes.size() < 8192) write(bytes);
  });
  std::printf("%zu files in %s\n", number, options.write_to.c_str());
  return 0;
}

int Main(int argc, char** argv) {
  JudgeOptions options{.count = 12000};
  if (!ParseJudgeOptions(argc, argv, &options)) {
    std::printf("usage: malformed_gguf [--seed S] [--count N] [--only I] [--write FOLDER]\n");
    return 2;
  }
  if (!ValidFilesLoad()) return 1;
  if (!options.write_to.empty()) return WriteSeeds(options);
  const auto open = [](const std::string& path) { return OpenCheckpoint(path, Isolation::kNone); };
  Judge judge({.heap_factor = 8, .heap_constant = 64 * 1024, .open = open}, options);
  ForEachBrokenFile(options.seed, options.count, [&](const Broken& file) { judge.Take(file); });
  return judge.Report();
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) { return tern::Main(argc, argv); }
