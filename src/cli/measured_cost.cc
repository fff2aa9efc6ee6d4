#include "cli/measured_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/build_id.h"
#include "base/file.h"
#include "cli/progress.h"
#include "cli/slow_note.h"
#include "cli/terminal.h"
#include "engine/engine.h"
#include "engine/error_budget.h"
#include "engine/kv_choice.h"
#include "engine/packed_file_paths.h"

namespace tern {
namespace {

constexpr int kServedParallel = 32;
constexpr int kRepeats = 3, kDeepRepeats = 1;
constexpr int kDecodeSteps = 16;

// What was measured, in a line.
std::string KeyOf(const LoadedModel& model, const RunnerOptions& options) {
  std::string key = fmt::format("tern-cost 1 build {} precision {} threads {} kv {} parallel {} context {}",
                                BuildId(), static_cast<int>(options.precision), options.threads,
                                options.kv_type ? static_cast<int>(*options.kv_type) : -1, options.sequences,
                                options.context);
  for (const MappedFile& file : model.checkpoint->files()) {
    key += fmt::format(" {} {}", file.stamp().bytes, file.stamp().modified_ns);
  }
  for (const std::string& granted : options.granted) key += " " + granted;
  for (const std::string& pass : options.disabled_passes) key += " -" + pass;
  return key + "\n";
}

std::vector<std::string> RecordPaths(const LoadedModel& model, const RunnerOptions& options) {
  if (!options.cache_weights) return {};
  auto paths = PackedFilePaths(std::string(model.checkpoint->path()), options.cache_folder);
  for (std::string& path : paths) path += ".cost";
  return paths;
}

std::optional<MachineCost> ReadRecord(const std::string& path, const std::string& key) {
  constexpr size_t kMostBytes = 1 << 16;
  const auto text = ReadFile(path, kMostBytes);
  if (!text.ok() || !text.value().starts_with(key)) return std::nullopt;
  auto cost = ParseMachineCost(std::string_view(text.value()).substr(key.size()), path);
  if (!cost.ok()) return std::nullopt;
  return std::move(cost).value();
}

Result<std::vector<StepPoint>> MeasurePoints(Runner* runner) {
  const Tokenizer* tokenizer = runner->model().tokenizer.get();
  SpeedMeter meter(runner, tokenizer == nullptr ? std::vector<int32_t>()
                                                : EncodeInput(*tokenizer, CalibrationText(), false));
  const std::vector<SpeedCase> cases = StepCostCases(*runner);
  std::vector<StepPoint> points;
  Progress progress("measuring steps", Progress::Unit::kCount);
  for (const SpeedCase& c : cases) {
    progress.Update(points.size(), cases.size());
    TERN_TRY(const SpeedFigure speed, meter.Measure(c, c.depth > 0 ? kDeepRepeats : kRepeats));
    points.push_back(StepPointOf(c, speed.seconds));
  }
  progress.Finish();
  return points;
}

}  // namespace

Result<RunnerOptions> ServedRunnerOptions(const std::shared_ptr<const LoadedModel>& model,
                                          const ModelFlags& flags, int parallel) {
  TERN_TRY(RunnerOptions options, ToRunnerOptions(model, flags));
  options.sequences = parallel > 0 ? parallel : kServedParallel;
  options.kv_tokens = -1;
  const SlowNote note(Printable(flags.model) + ": measuring whether an int8 KV cache is good enough");
  TERN_TRY(options.kv_type, ChooseKvType(model, options));
  return options;
}

std::vector<SpeedCase> StepCostCases(const Runner& runner) {
  using Test = SpeedCase::Test;
  std::vector<SpeedCase> cases;
  const int room = runner.context() - kDecodeSteps - SpeedMeter::kPrompt;
  for (const int tokens : {512, 256, 128, 64, 16}) {  // the long ones settle the machine
    if (tokens <= std::min(room, runner.step_tokens())) cases.push_back({Test::kPrefill, tokens, 1, 0});
  }
  for (const int batch : {1, 2, 4, 8, 16, 32}) {
    if (batch <= runner.sequences()) cases.push_back({Test::kDecode, kDecodeSteps, batch, 0});
  }
  const int deep = std::min(2048, room / 2), chunk = std::min({256, runner.step_tokens(), room / 2});
  if (chunk < 16) return cases;
  cases.push_back({Test::kPrefill, chunk, 1, deep / 2});
  cases.push_back({Test::kDecode, kDecodeSteps, 1, deep});
  if (runner.sequences() >= 4) cases.push_back({Test::kDecode, kDecodeSteps, 4, deep / 2});
  return cases;
}

StepPoint StepPointOf(const SpeedCase& what, double seconds) {
  const bool is_prefill = what.test == SpeedCase::Test::kPrefill;
  return {.is_prefill = is_prefill,
          .tokens = what.tokens,
          .batch = what.batch,
          .depth = is_prefill ? what.depth : std::max(what.depth, SpeedMeter::kPrompt),
          .seconds = is_prefill ? seconds : seconds / what.tokens};
}

// What the engine's thread does between two steps, by the token, and how much equal steps differ.
Result<MachineCost> MeasureSurroundings(std::unique_ptr<Runner> runner, std::string model) {
  constexpr int kTokens = 160;
  using Clock = std::chrono::steady_clock;
  MachineCost cost;
  cost.model = std::move(model);
  cost.context = runner->context();
  cost.kv_tokens = runner->kv_blocks() * kKvBlockTokens;
  cost.step_tokens = runner->step_tokens();
  const int batch = std::min(8, runner->sequences());
  StepSample step;
  EngineOptions options;
  options.events.on_step = [&step](const StepSample& s) { step = s; };
  Engine engine(std::move(runner), std::move(options));
  for (int i = 0; i < batch; ++i) {
    Request request;
    request.prompt.assign(SpeedMeter::kPrompt, i + 1);
    request.max_tokens = kTokens;
    request.ignore_end = true;
    request.on_text = [](std::string_view) {};
    TERN_TRY([[maybe_unused]] const RequestId id, engine.Submit(std::move(request)));
  }
  std::vector<double> around, steps;
  while (!engine.idle()) {
    const auto begin = Clock::now();
    engine.Step();
    const double all = std::chrono::duration<double>(Clock::now() - begin).count();
    if (step.rows != batch) continue;
    around.push_back((all - step.seconds) / batch);
    steps.push_back(step.seconds);
  }
  if (steps.empty()) return cost;
  std::ranges::sort(around);
  std::ranges::sort(steps);
  const auto quantile = [](const std::vector<double>& sorted, double share) {
    return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
  };
  cost.token_s = std::max(0.0, quantile(around, 0.5));
  cost.step.spread = quantile(steps, 0.9) / quantile(steps, 0.5);
  cost.step.tail = quantile(steps, 0.99) / quantile(steps, 0.5);
  return cost;
}

Result<MeasuredCost> MeasureMachineCost(const ModelFlags& flags, int parallel, bool anew) {
  TERN_TRY(const auto model, OpenModel(flags));
  TERN_TRY_STATUS(CheckContinuesText(*model));
  TERN_TRY(const RunnerOptions options, ServedRunnerOptions(model, flags, parallel));
  const std::string key = KeyOf(*model, options);
  const std::vector<std::string> paths = RecordPaths(*model, options);
  for (size_t i = 0; i < paths.size() && !anew; ++i) {
    if (const auto kept = ReadRecord(paths[i], key)) return MeasuredCost{.cost = *kept, .is_kept = true};
  }
  const SlowNote note(IsTerminal(2) ? "" : Printable(flags.model) + ": measuring what its steps cost");
  TERN_TRY(auto runner, Runner::Make(model, options));
  TERN_TRY(const std::vector<StepPoint> points, MeasurePoints(runner.get()));
  TERN_TRY(const StepFit fit, FitSteps(points));
  TERN_TRY(MachineCost cost, MeasureSurroundings(std::move(runner), flags.model));
  StepCostCoefficients step = fit.cost;
  step.spread = cost.step.spread;
  step.tail = cost.step.tail;
  cost.step = step;
  for (const std::string& path : paths) {
    if (WriteFileAtomic(path, key + FormatMachineCost(cost)).ok()) break;
  }
  return MeasuredCost{.cost = std::move(cost), .worst = fit.worst};
}

}  // namespace tern
