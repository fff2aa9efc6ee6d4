#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "cli/command.h"
#include "cli/model_flags.h"
#include "cli/progress.h"
#include "compress/calibration_data.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  CalibrationOptions data;
  std::string folder;
};

Status Run(const Options& o) {
  TERN_TRY(const auto model, OpenPredictor(o.model));
  Progress progress("writing samples", Progress::Unit::kCount);
  TERN_TRY(const CalibrationData data, GatherCalibrationData(model, o.data, [&](int64_t done, int64_t total) {
             progress.Update(static_cast<uint64_t>(done), static_cast<uint64_t>(total));
           }));
  progress.Finish();
  for (const std::string& note : data.notes) fmt::print(stderr, "{}\n", note);
  std::error_code failed;
  std::filesystem::create_directories(o.folder, failed);
  if (failed) return IoError(fmt::format("{}: {}", o.folder, failed.message()));
  for (int i = 0; i < kDataParts; ++i) {
    const auto part = static_cast<DataPart>(i);
    for (const DomainText& domain : data.part(part)) {
      std::string text;
      for (const int32_t token : domain.tokens)
        model->tokenizer->AppendPiece(token, /*with_special=*/true, &text);
      const std::string path = fmt::format("{}/{}.{}.txt", o.folder, DataPartName(part), domain.domain);
      TERN_TRY_STATUS(WriteFileAtomic(path, text));
    }
  }
  fmt::print("{}: {}\n", data.source, data.Summary());
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, true);
  args.Option("DIR", &o->folder, "where to write calibrate.*.txt, allocate.*.txt and evaluate.*.txt")
      .Required();
  args.Option("--data", &o->data.data,
              "the text to split; none: what the model writes, and files of this machine")
      .ValueName("FILE|DIR");
  args.Option("--generated-tokens", &o->data.generated_tokens, "how much of it the model writes itself")
      .Range(0, 1 << 24);
  args.Option("-t,--threads", &o->data.threads, "threads; 0: one per core").Range(0, 1024);
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_calibration;
const CommandDesc k_command_calibration = {
    .name = "calibration",
    .summary = "write the texts that a model is compressed with, for other programs",
    .example = "tern calibration smollm2 texts",
    .setup = Setup,
};

}  // namespace tern
