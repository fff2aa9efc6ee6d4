#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/model_store_options.h"
#include "cli/terminal.h"

namespace tern {
namespace {

void Setup(Arguments& args) {
  auto models = std::make_shared<std::vector<std::string>>();
  args.Option("MODEL", models.get(), "as tern list shows it").Required();
  args.Run([models]() -> Status {
    TERN_TRY(const StoreOptions store, StoreOptionsFromEnvironment());
    for (const std::string& model : *models) {
      TERN_TRY_STATUS(RemoveModel(model, store));
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
