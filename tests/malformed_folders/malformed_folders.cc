// malformed_folders: opens thousands of broken checkpoint folders of Hugging Face and builds the models of
// those that load. Each must give a clear error, or load where the damage left a valid folder.
//
//   malformed_folders [--seed S] [--count N]      run (defaults: 1 and 10000)
//   malformed_folders --only I                    the I-th folder alone, and what is said about it
//   malformed_folders --write FOLDER [--count N]  write seeds for safetensors_fuzz: valid files and N broken
//   ones

#include <cstdio>

#include "malformed/judge.h"
#include "malformed_folders/broken_folders.h"
#include "malformed_folders/valid_folders.h"
#include "models/hf/checkpoint.h"
#include "models/model.h"

namespace tern {
namespace {

namespace fs = std::filesystem;

Status Build(const Checkpoint& checkpoint) {
  const auto built = BuildModel(checkpoint);
  return built.ok() ? Status() : Status(built.error());
}

// The generator breaks what works: its valid folders must load, and their models be built.
bool ValidFoldersLoad(Judge::Rules rules) {
  bool all = true;
  rules.use = [&](const Checkpoint& checkpoint) {
    Status built = Build(checkpoint);
    if (!built.ok()) std::printf("a valid folder builds no model: %s\n", built.error().what.c_str());
    all &= built.ok();
    return built;
  };
  Judge judge(rules, {});
  for (const ValidFolder& folder : ValidFolders()) judge.Take({folder.name, folder.Files(), true});
  if (judge.errors() > 0) std::printf("a valid folder does not load\n");
  return all && judge.errors() == 0;
}

int WriteSeeds(const JudgeOptions& options) {
  fs::create_directories(options.write_to);
  size_t number = 0;
  const auto write = [&](const Broken& folder) {
    for (const auto& [name, bytes] : folder.files) {
      if (bytes.size() < 8192) WriteBytes(fs::path(options.write_to) / std::to_string(number++), bytes);
    }
  };
  for (const ValidFolder& folder : ValidFolders()) write({folder.name, folder.Files(), true});
  // Every 29th, so that each kind of damage is among them.
  size_t seen = 0;
  ForEachBrokenFolder(options.seed, options.count * 29, [&](const Broken& folder) {
    if (seen++ % 29 == 0) write(folder);
  });
  std::printf("%zu files in %s\n", number, options.write_to.c_str());
  return 0;
}

int Main(int argc, char** argv) {
  JudgeOptions options{.count = 10000};
  if (!ParseJudgeOptions(argc, argv, &options)) {
    std::printf("usage: malformed_folders [--seed S] [--count N] [--only I] [--write FOLDER]\n");
    return 2;
  }
  const auto open = [](const std::string& path) { return OpenModelCheckpoint(path, Isolation::kNone); };
  const Judge::Rules rules{
      .heap_factor = 64, .heap_constant = size_t{1} << 20, .open = open, .use = Build, .is_folder = true};
  if (!ValidFoldersLoad(rules)) return 1;
  if (!options.write_to.empty()) return WriteSeeds(options);
  Judge judge(rules, options);
  ForEachBrokenFolder(options.seed, options.count, [&](const Broken& folder) { judge.Take(folder); });
  return judge.Report();
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) { return tern::Main(argc, argv); }
