#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/file.h"
#include "cli/command.h"
#include "cli/compared_prompts.h"
#include "cli/model_flags.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "compress/calibration_data.h"
#include "compress/compare_models.h"
#include "compress/comparison_text.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  std::string other, text, out;
  int windows = 0;
  bool json = false;
};

std::string SideText(std::string_view what, const ReportModel& m) {
  return fmt::format("{:<12}{}: {}, {:.2f} bits per weight, writes {:.1f} tokens/s, reads {:.0f}\n", what,
                     Printable(m.name), HumanBytes(m.file_bytes), m.bits_per_weight, m.decode_tokens_per_s,
                     m.prefill_tokens_per_s);
}

// Without the folders.
std::string ShortName(std::string name) {
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  return name.substr(name.rfind('/') + 1);
}

Result<CompressionReport> Measure(const Options& o, Progress* progress) {
  TERN_TRY(const auto reference, OpenPredictor(o.model));
  ModelFlags other_flags = o.model;
  other_flags.model = o.other;
  TERN_TRY(const auto other, OpenPredictor(other_flags));
  if (reference->tokenizer == nullptr)
    return BadInput(o.model.model + ": has no tokenizer, compare needs one");
  TERN_TRY(const std::vector<DomainText> text, MeasuringText(*reference->tokenizer, o.text));
  CompareModelsOptions options{.windows = o.windows};
  TERN_TRY(options.runner, ToRunnerOptions(reference, o.model));
  TERN_TRY(options.prompts, ComparedPrompts(*reference));
  return CompareModels({ShortName(o.model.model), reference}, {ShortName(o.other), other}, text, options,
                       [&](std::string_view what, int64_t done, int64_t total) {
                         progress->SetLabel(std::string(what));
                         progress->Update(static_cast<uint64_t>(done), static_cast<uint64_t>(total));
                       });
}

Status Run(const Options& o) {
  Progress progress("compare", Progress::Unit::kCount);
  TERN_TRY(CompressionReport report, Measure(o, &progress));
  progress.Finish();
  report.title = fmt::format("tern compare {} {}", o.model.model, o.other);
  report.facts.emplace_back("read from", o.text.empty() ? "files of this machine" : o.text);
  if (o.json) {
    fmt::print("{}\n", boost::json::serialize(ReportJson(report)));
  } else {
    fmt::print("{}{}\n{}", SideText("reference", report.reference), SideText("model", report.model),
               ComparisonText(report.quality, true));
    for (const std::string& note : report.notes) fmt::print("{}\n", note);
  }
  if (o.out.empty()) return {};
  TERN_TRY_STATUS(WriteFileAtomic(o.out, ReportPage(report)));
  fmt::print(stderr, "report: {}\n", o.out);
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  args.Option("REFERENCE", &o->model.model, "the model to measure against").Required();
  args.Option("MODEL", &o->other, "another with the same vocabulary").Required();
  args.Flag("--offline", &o->model.offline, "never use the network");
  args.Option(
          "--text", &o->text,
          "text to measure on, or a folder of it; none: README files, code and translations of this machine")
      .ValueName("FILE|DIR");
  args.Option("--windows", &o->windows,
              "measure on this many windows of 1,024 tokens; fewer are faster, and say less")
      .Range(1, 1 << 20)
      .Default("64");
  args.Option("-o,--out", &o->out, "write a report, one HTML page that needs nothing else").ValueName("FILE");
  args.Flag("--json", &o->json, "print one JSON object");
  AddRunnerFlags(args, &o->model, ContextFlag::kNo);
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_compare;
const CommandDesc k_command_compare = {
    .name = "compare",
    .summary = "two models with one vocabulary side by side: quality, speed, size, what they write",
    .example = "tern compare smollm2 smaller.gguf -o report.html",
    .setup = Setup,
};

}  // namespace tern
