#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/file.h"
#include "cli/command.h"
#include "cli/model_flags.h"
#include "cli/progress.h"
#include "engine/compare.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  std::string text, reference, reference_precision = "exact";
  CompareOptions compare;
  int max_tokens = 0;
  bool json = false;
};

Result<std::unique_ptr<Runner>> MakeRunner(const ModelFlags& flags, int window) {
  TERN_TRY(const auto model, OpenPredictor(flags));
  TERN_TRY(RunnerOptions options, ToRunnerOptions(model, flags));
  options.context = std::max(options.context, window);
  options.step_tokens = options.step_outputs = 64;
  return Runner::Make(model, options);
}

constexpr size_t kMaxTextBytes = size_t{1} << 30;

void Print(const Comparison& c, bool has_reference, bool json) {
  if (json) {
    boost::json::object object{{"tokens", c.tokens}, {"perplexity", c.perplexity}};
    if (has_reference) {
      object["reference_perplexity"] = c.reference_perplexity;
      object["kld"] = {{"mean", c.kld_mean}, {"p99", c.kld_p99}};
      object["top1"] = c.top1;
    }
    fmt::print("{}\n", boost::json::serialize(object));
    return;
  }
  fmt::print("tokens      {}\nperplexity  {:.4f}\n", c.tokens, c.perplexity);
  if (!has_reference) return;
  fmt::print("reference   {:.4f}\nmean KLD    {:.3g}\n99 % KLD    {:.3g}\ntop-1       {:.2f} %\n",
             c.reference_perplexity, c.kld_mean, c.kld_p99, 100 * c.top1);
}

Status Run(const Options& o) {
  TERN_TRY(const std::string text, ReadFile(o.text, kMaxTextBytes));
  TERN_TRY(const auto runner, MakeRunner(o.model, o.compare.window));
  if (runner->model().tokenizer == nullptr)
    return BadInput(o.model.model + ": has no tokenizer, eval needs one");
  std::unique_ptr<Runner> reference;
  if (!o.reference.empty()) {
    ModelFlags flags = o.model;
    flags.model = o.reference;
    flags.precision = o.reference_precision;
    flags.kv_type = "auto";
    flags.error_budget.clear();
    flags.granted.clear();
    TERN_TRY(reference, MakeRunner(flags, o.compare.window));
  }
  std::vector<int32_t> ids;
  runner->model().tokenizer->Encode(text, false, &ids);
  if (o.max_tokens > 0 && ids.size() > static_cast<size_t>(o.max_tokens)) {
    ids.resize(static_cast<size_t>(o.max_tokens));
  }
  CompareOptions compare = o.compare;
  compare.text_name = o.text;
  Progress progress("eval", Progress::Unit::kCount);
  auto update = [&](int64_t done, int64_t total) {
    progress.Update(static_cast<uint64_t>(done), static_cast<uint64_t>(total));
  };
  TERN_TRY(const Comparison comparison, Compare(*runner, reference.get(), ids, compare, update));
  progress.Finish();
  Print(comparison, reference != nullptr, o.json);
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, true);
  args.Option("--text", &o->text, "the text to score").ValueName("FILE").Required();
  args.Option("--reference", &o->reference, "compare with this model, in lock-step").ValueName("MODEL");
  args.Option("--reference-precision", &o->reference_precision, "precision of the reference")
      .Choices({"fast", "default", "precise", "exact"});
  args.Option("--window", &o->compare.window, "tokens per window").Range(2, 1 << 20);
  args.Option("--score-from", &o->compare.score_from, "first position of a window that is scored")
      .Range(1, 1 << 20);
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
    .example = "tern eval smollm2 --text README.md --reference smollm2",
    .setup = Setup,
};

}  // namespace tern
