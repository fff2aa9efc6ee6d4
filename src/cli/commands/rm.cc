#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/model_store_options.h"
#include "cli/terminal.h"
#include "engine/adaptation/knob_file.h"
#include "engine/packed_file_paths.h"
#include "io/files.h"

namespace tern {
namespace {

// What is beside the model goes with its folder; what is elsewhere goes here.
Status RemoveWithPacked(const std::string& model, StoreOptions store) {
  std::vector<std::string> packed;
  store.offline = true;
  if (const auto files = ResolveModel(model, store, {}); files.ok()) {
    packed = PackedFilePaths(files.value().path, PackedFolder());
    const auto of_source = PackedFilePaths(files.value().path, PackedFolder(), PackedPart::kSource);
    packed.insert(packed.end(), of_source.begin(), of_source.end());
  }
  TERN_TRY_STATUS(RemoveModel(model, store));
  for (const std::string& path : packed) {
    TERN_TRY_STATUS(RemoveTree(path));
    TERN_TRY_STATUS(RemoveTree(path + std::string(KnobFile::kSuffix)));
  }
  return {};
}

void Setup(Arguments& args) {
  auto models = std::make_shared<std::vector<std::string>>();
  args.Option("MODEL", models.get(), "as tern list shows it").Required();
  args.Run([models]() -> Status {
    TERN_TRY(const StoreOptions store, StoreOptionsFromEnvironment());
    for (const std::string& model : *models) {
      TERN_TRY_STATUS(RemoveWithPacked(model, store));
      fmt::print("removed {}\n", Printable(model));
    }
    return {};
  });
}

}  // namespace

extern const CommandDesc k_command_rm;
const CommandDesc k_command_rm = {
    .name = "rm",
    .summary = "remove models that were pulled, and what interrupted pulls left",
    .example = "tern rm gemma3-270m",
    .setup = Setup,
};

}  // namespace tern
