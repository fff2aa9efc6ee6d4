#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <optional>

#include "cli/command.h"
#include "cli/model_flags.h"
#include "cli/progress.h"
#include "compress/calibration_data.h"
#include "compress/comparison_text.h"
#include "engine/compare.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  std::string text, reference, reference_precision = "exact";
  std::optional<int> window, score_from, windows;
  int max_tokens = 0;
  bool json = false;
};

Result<std::unique_ptr<Runner>> MakeRunner(const std::shared_ptr<const LoadedModel>& model,
                                           const ModelFlags& flags, int window) {
  TERN_TRY(RunnerOptions options, ToRunnerOptions(model, flags));
  options.context = std::max(options.context, window);
  options.step_tokens = options.step_outputs = 64;
  return Runner::Make(model, options);
}

ModelFlags ReferenceFlags(const Options& o) {
  ModelFlags flags = o.model;
  flags.model = o.reference;
  flags.precision = o.reference_precision;
  flags.kv_type = "auto";
  flags.error_budget.clear();
  flags.granted.clear();
  return flags;
}

// The first tokens of each domain, as many of each as there are, `most` together; 0: all.
void Shorten(int most, std::vector<DomainText>* text) {
  size_t left = most == 0 ? SIZE_MAX : static_cast<size_t>(most), domains = text->size();
  std::vector<DomainText*> shortest_first;
  for (DomainText& part : *text) shortest_first.push_back(&part);
  std::sort(shortest_first.begin(), shortest_first.end(),
            [](const DomainText* a, const DomainText* b) { return a->tokens.size() < b->tokens.size(); });
  for (DomainText* part : shortest_first) {
    part->tokens.resize(std::min(part->tokens.size(), left / domains--));
    left -= part->tokens.size();
  }
}

// What the flags leave open, as the protocol has it.
WindowOptions ChooseWindows(const Options& o, const LoadedModel& model, std::span<const DomainText> text) {
  const WindowOptions protocol = ProtocolFor(text, model.hparams().context, WindowBos(model) >= 0);
  if (!o.window && !o.score_from && !o.windows) return protocol;
  const int window = o.window.value_or(protocol.window);
  return {.window = window,
          .score_from = o.score_from.value_or(o.window ? 1 : protocol.score_from),
          .windows = o.windows.value_or(o.window ? 0 : protocol.windows)};
}

Status Run(const Options& o) {
  TERN_TRY(const auto model, OpenPredictor(o.model));
  if (model->tokenizer == nullptr) return BadInput(o.model.model + ": has no tokenizer, eval needs one");
  TERN_TRY(std::vector<DomainText> text, MeasuringText(*model->tokenizer, o.text));
  Shorten(o.max_tokens, &text);
  const WindowOptions chosen = ChooseWindows(o, *model, text);
  const std::vector<TextWindow> windows = CutWindows(text, chosen, WindowBos(*model));
  TERN_TRY(const auto runner, MakeRunner(model, o.model, chosen.window));
  std::unique_ptr<Runner> reference;
  if (!o.reference.empty()) {
    const ModelFlags flags = ReferenceFlags(o);
    TERN_TRY(const auto reference_model, OpenPredictor(flags));
    TERN_TRY(reference, MakeRunner(reference_model, flags, chosen.window));
  }
  std::vector<std::string> domains;
  for (const DomainText& part : text) domains.push_back(part.domain);
  const CompareOptions compare{.score_from = chosen.score_from,
                               .threads = o.model.threads,
                               .text_name = o.text.empty() ? "text of this machine" : o.text};
  Progress progress("eval", Progress::Unit::kCount);
  auto update = [&](int64_t done, int64_t total) {
    progress.Update(static_cast<uint64_t>(done), static_cast<uint64_t>(total));
  };
  TERN_TRY(const Comparison comparison, Compare(*runner, reference.get(), windows, domains, compare, update));
  progress.Finish();
  const bool has_reference = reference != nullptr;
  fmt::print("{}", o.json ? boost::json::serialize(ComparisonJson(comparison, has_reference)) + "\n"
                          : ComparisonText(comparison, has_reference));
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, true);
  args.Option("--text", &o->text,
              "the text to score, or a folder of texts; none: README files, code and translations of this "
              "machine")
      .ValueName("FILE|DIR");
  args.Option("--reference", &o->reference, "compare with this model, in lock-step").ValueName("MODEL");
  args.Option("--reference-precision", &o->reference_precision, "precision of the reference")
      .Choices({"fast", "default", "precise", "exact"});
  args.Option("--windows", &o->windows, "measure on this many windows, spread over the text; 0: all")
      .Range(0, 1 << 20)
      .Default("64");
  args.Option("--window", &o->window, "tokens per window").Range(2, 1 << 20).Default("1024");
  args.Option("--score-from", &o->score_from,
              "first position of a window that is scored; 1 where the text has fewer than 8 windows")
      .Range(1, 1 << 20)
      .Default("512");
  args.Option("--max-tokens", &o->max_tokens, "use this many tokens of the text; 0: all").Range(0, 1 << 30);
  args.Flag("--json", &o->json, "print one JSON object");
  AddRunnerFlags(args, &o->model);
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_eval;
const CommandDesc k_command_eval = {
    .name = "eval",
    .summary = "perplexity of a text, and what a precision or a smaller model costs",
    .example = "tern eval smollm2 --reference smollm2 --text README.md",
    .setup = Setup,
};

}  // namespace tern
