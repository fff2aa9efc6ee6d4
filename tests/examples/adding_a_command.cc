// The command of docs/adding-a-command.md, run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/model_store_options.h"
#include "cli/terminal.h"

namespace tern {
namespace {

struct Options {
  std::string model;
  int times = 1;
};

Status Weigh(const Options& options) {
  TERN_TRY(const ModelFiles files, ObtainModel(options.model));
  for (int i = 0; i < options.times; ++i) fmt::print("{}\n", HumanBytes(files.bytes));
  return {};
}

void Setup(Arguments& args) {
  auto options = std::make_shared<Options>();
  args.Option("MODEL", &options->model, "what to weigh").Required();
  args.Option("-n,--times", &options->times, "say it so often").Range(1, 10);
  args.Run([options]() -> Status { return Weigh(*options); });
}

}  // namespace

extern const CommandDesc k_command_weigh;
const CommandDesc k_command_weigh = {
    .name = "weigh",
    .summary = "say how large a model is",
    .example = "tern weigh smollm2 --times 2",
    .setup = Setup,
};

}  // namespace tern

namespace tern {
namespace {

// Parses and runs, as the frame does; what it prints.
std::string Weighed(const std::vector<std::string>& words) {
  Arguments args;
  k_command_weigh.setup(args);
  const auto parsed = args.Parse(words);
  if (!parsed.ok()) return parsed.error().what;
  testing::internal::CaptureStdout();
  const Status status = args.RunParsed();
  std::fflush(stdout);
  const std::string out = testing::internal::GetCapturedStdout();
  return status.ok() ? out : status.error().what;
}

TEST(AddingACommand, WhatThePageShowsWorks) {
  EXPECT_EQ(Weighed({"/dev/null/nope"}), "/dev/null/nope: no such file or folder");
  EXPECT_EQ(Weighed({}), "MODEL: missing");
  EXPECT_EQ(Weighed({"x", "-n", "11"}), "--times: 11, expected a number from 1 to 10");
  const std::string path = "/tmp/tern-weigh.gguf";
  std::FILE* file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs("GGUF", file);
  std::fclose(file);
  EXPECT_EQ(Weighed({path, "-n", "2"}), "4 B\n4 B\n");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace tern
