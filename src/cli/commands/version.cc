#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>

#include "base/isa.h"
#include "base/sandbox.h"
#include "cli/arguments.h"
#include "cli/command.h"

namespace tern {
namespace {

std::string Compiler() {
#if defined(__clang__)
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("gcc {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

void Setup(Arguments& args) {
  auto json = std::make_shared<bool>(false);
  args.Flag("--json", json.get(), "print one JSON object");
  args.Run([json]() -> Status {
    const std::string isa = IsaName(DetectIsa());
    if (*json) {
      const Result<SandboxLayers> layers = ProbeSandbox();
      const boost::json::object object = {{"version", TERN_VERSION},
                                          {"build", TERN_BUILD_TYPE},
                                          {"isa", isa},
                                          {"compiler", Compiler()},
                                          {"sandbox", layers.ok() ? ToString(layers.value()) : "none"}};
      fmt::print("{}\n", boost::json::serialize(object));
    } else {
      fmt::print("tern {} ({}, {}, {})\n", TERN_VERSION, TERN_BUILD_TYPE, isa, Compiler());
    }
    return {};
  });
}

}  // namespace

extern const CommandDesc k_command_version;
const CommandDesc k_command_version = {
    .name = "version",
    .summary = "print the version, the build and the instruction set in use",
    .example = "tern version --json",
    .setup = Setup,
};

}  // namespace tern
