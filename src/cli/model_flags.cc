#include "cli/model_flags.h"

#include <fmt/format.h>

#include "base/file.h"
#include "cli/model_store_options.h"
#include "cli/progress.h"
#include "cli/terminal.h"

namespace tern {

void NoteLongContext(const LoadedModel& model, const std::string& name, int context) {
  const int trained = model.hparams().context;
  if (trained == 0 || context <= trained) return;
  const std::string line =
      fmt::format("{}: a context of {} tokens; the model was trained for {}, and may write nonsense beyond",
                  Printable(name), context, trained);
  fmt::print(stderr, "{}\n", Styled(2, Style::kDim, line));
}

void AddModelArgument(Arguments& args, ModelFlags* flags, bool required) {
  auto model =
      args.Option("MODEL", &flags->model, "catalogue name, hf:org/repo[:quant], https:, file or folder");
  if (required) model.Required();
  args.Flag("--offline", &flags->offline, "never use the network");
}

void AddRunnerFlags(Arguments& args, ModelFlags* flags, ContextFlag context) {
  args.Section("How it runs");
  args.Option("--precision", &flags->precision,
              "activations: int8, a mix, int16-class (a prompt takes up to twice as long, an answer hardly "
              "longer), or "
              "fp32")
      .Choices({"fast", "default", "precise", "exact"});
  args.Option("-t,--threads", &flags->threads, "threads; 0: one per core").Range(0, 1024);
  if (context == ContextFlag::kYes) {
    args.Option("-c,--context", &flags->context,
                "most tokens of prompt and answer; 0: what the model was trained for")
        .Range(0, 1 << 30);
  }
  args.Option("--kv-type", &flags->kv_type,
              "KV cache storage; auto: int16, in precise precision f16, in exact f32; serve takes int8 where "
              "it costs "
              "little")
      .Choices({"auto", "f32", "f16", "bf16", "int8", "int16"});
  args.Option("--device", &flags->device, "backend to run on").Choices(NamesOf(AllBackends()));
  args.Option("--disable-pass", &flags->disabled_passes, "leave out a graph pass (repeatable)")
      .ValueName("PASS")
      .Choices(NamesOf(AllPasses()));
  args.Option("--error-budget", &flags->error_budget,
              "let passes change results while the mean KLD stays within this, as in kld=0.002")
      .ValueName("kld=N");
  args.Option("--calibration", &flags->calibration, "text to measure that on, instead of a built-in one")
      .ValueName("FILE")
      .ExistingFile();
  args.Option("--grant", &flags->granted,
              "make this rewrite whatever it costs, as in skip_layers:blk.12 (repeatable)")
      .ValueName("PASS:PLACE");
  args.Flag("--no-cache", &flags->no_cache, "neither read nor keep packed weights beside the model");
  args.Section("");
  args.Check([flags]() -> Status {
    if (!flags->error_budget.empty()) TERN_TRY_STATUS(ParseErrorBudget(flags->error_budget));
    return {};
  });
}

Result<std::string> FindModelFile(const ModelFlags& flags) {
  TERN_TRY(const ModelFiles files, ObtainModel(flags.model, flags.offline));
  return files.path;
}

Result<std::shared_ptr<const LoadedModel>> OpenModel(const ModelFlags& flags) {
  TERN_TRY(const std::string path, FindModelFile(flags));
  TERN_TRY(auto model, LoadModel(path, {.context = flags.context}));
  NoteLongContext(*model, flags.model, flags.context);
  return model;
}

Result<std::shared_ptr<const LoadedModel>> OpenPredictor(const ModelFlags& flags) {
  TERN_TRY(auto model, OpenModel(flags));
  TERN_TRY_STATUS(CheckContinuesText(*model));
  return model;
}

namespace {

constexpr size_t kMaxCalibrationBytes = size_t{1} << 20;

Result<SpentBudget> Spend(const std::shared_ptr<const LoadedModel>& model, const ModelFlags& flags,
                          const RunnerOptions& options) {
  TERN_TRY(const double kld, ParseErrorBudget(flags.error_budget));
  std::string text(CalibrationText());
  if (!flags.calibration.empty()) {
    TERN_TRY(text, ReadFile(flags.calibration, kMaxCalibrationBytes));
  }
  Progress progress("measuring rewrites", Progress::Unit::kCount);
  progress.Update(0, 0);
  return SpendErrorBudget(model, options, kld, text, [&](int done, int total) {
    progress.Update(static_cast<uint64_t>(done), static_cast<uint64_t>(total));
  });
}

}  // namespace

Result<RunnerOptions> ToRunnerOptions(const std::shared_ptr<const LoadedModel>& model,
                                      const ModelFlags& flags, SpentBudget* spent) {
  RunnerOptions options;
  options.backend = flags.device;
  options.threads = flags.threads;
  options.context = flags.context;
  options.disabled_passes = flags.disabled_passes;
  TERN_TRY(options.precision, ParsePrecision(flags.precision));
  if (!flags.no_cache) {
    options.cache_weights = CachesWeights();
    options.cache_folder = PackedFolder();
  }
  if (flags.kv_type != "auto") {
    TERN_TRY(options.kv_type, ParseKvType(flags.kv_type));
  }
  options.granted = flags.granted;
  TERN_TRY_STATUS(CheckGranted(*model, options));
  if (!flags.error_budget.empty()) {
    TERN_TRY(const SpentBudget budget, Spend(model, flags, options));
    for (const std::string& name : budget.Kept()) options.granted.push_back(name);
    if (spent != nullptr) *spent = budget;
  }
  return options;
}

}  // namespace tern
