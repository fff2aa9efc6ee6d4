#include "cli/explain.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/file.h"
#include "cli/command.h"
#include "cli/explain_schedule.h"
#include "cli/explain_tuning.h"
#include "cli/limits_text.h"
#include "cli/model_flags.h"
#include "cli/progress.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  int prefill = 512, batch = 1, depth = 0, steps = 32, top = 5;
  std::string limits, html, trace, schedule, adaptation, key;
  bool tuning = false, json = false;
};

// A chunk takes as long as many decode steps.
constexpr int kChunksPerSteps = 4;

Result<Explanation> Measure(const Options& o, Engine& engine, const PerfCounters* counters,
                            const PlanLayout& layout) {
  Explanation e;
  StepMeter meter(&engine, counters);
  Progress progress(fmt::format("explain, behind {} tokens", o.depth), Progress::Unit::kCount);
  progress.Update(0, 2);
  TERN_TRY(const MeteredSteps decode, meter.Decode(o.batch, o.depth, o.steps));
  TERN_TRY(ExplainedStep step, Explain("decode", decode, layout, engine));
  e.steps.push_back(std::move(step));
  progress.Update(1, 2);
  if (o.prefill > 0) {
    const int chunks = std::max(1, o.steps / kChunksPerSteps);
    TERN_TRY(const MeteredSteps prefill, meter.Prefill(o.prefill, o.depth, chunks));
    TERN_TRY(ExplainedStep chunk, Explain("prefill", prefill, layout, engine));
    e.steps.push_back(std::move(chunk));
  }
  return e;
}

// What disturbs the machine shows in a measurement of its limits, too: the better of two, one before the
// steps and one behind them.
MachineLimits Better(const MachineLimits& a, const MachineLimits& b) {
  return {.threads = a.threads,
          .read_gb_s = std::max(a.read_gb_s, b.read_gb_s),
          .int8_gop_s = std::max(a.int8_gop_s, b.int8_gop_s),
          .fp32_gflop_s = std::max(a.fp32_gflop_s, b.fp32_gflop_s),
          .bf16_gflop_s = std::max(a.bf16_gflop_s, b.bf16_gflop_s)};
}

Status Write(const Options& o, const Explanation& e, const PlanLayout& layout, const Graph& graph) {
  // First what needs no file: a path that cannot be written to costs no measurement.
  fmt::print("{}{}", o.json ? boost::json::serialize(ExplainJson(e, o.top)) : ExplainText(e, o.top),
             o.json ? "\n" : "");
  if (!o.html.empty()) TERN_TRY_STATUS(WriteFileAtomic(o.html, ExplainPage(e)));
  if (!o.trace.empty()) TERN_TRY_STATUS(WriteFileAtomic(o.trace, ExplainTrace(e, layout, graph)));
  return {};
}

// What a server that runs says of itself.
Status RunDebug(const Options& o) {
  const bool schedule = !o.schedule.empty();
  TERN_TRY(const std::string told, schedule ? FetchDebug(o.schedule, "/debug/schedule", o.key)
                                            : FetchDebug(o.adaptation, "/debug/adaptation", o.key));
  if (o.json) {
    fmt::print("{}\n", told);
    return {};
  }
  TERN_TRY(const std::string text, schedule ? ScheduleText(told) : AdaptationText(told));
  fmt::print("{}", text);
  return {};
}

Status Run(const Options& o) {
  if (!o.schedule.empty() || !o.adaptation.empty()) return RunDebug(o);
  if (o.model.model.empty())
    return BadInput("MODEL: none, expected one, or --schedule URL, --adaptation URL");
  TERN_TRY(const auto model, OpenPredictor(o.model));
  TERN_TRY(RunnerOptions options, ToRunnerOptions(model, o.model));
  if (o.tuning) return ExplainTuning(model, o.model.model, options, o.json);
  options.sequences = o.batch;
  options.step_tokens = std::max(o.prefill, 1);
  options.context = std::max(options.context, o.depth + std::max(o.prefill, 2 * o.steps + 8) + 2);
  MachineLimits limits;
  if (o.limits.empty()) {
    limits = MeasureLimits(options.threads);
  } else {
    TERN_TRY(limits, ReadLimits(o.limits));
  }
  // Threads that start later are counted with this one.
  const auto counters = PerfCounters::Open();
  TERN_TRY(auto runner, Runner::Make(model, options));
  const PlanLayout layout = runner->layout();
  if (layout.threads == 0) {
    return Unsupported("device " + o.model.device + ": does not say where its time goes, expected cpu");
  }
  NoteLongContext(*model, o.model.model, options.context);
  Engine engine(std::move(runner));
  TERN_TRY(Explanation e, Measure(o, engine, counters.ok() ? &counters.value() : nullptr, layout));
  e.model = o.model.model;
  e.device = engine.runner().device();
  e.precision = o.model.precision;
  e.kv_type = KvTypeName(engine.runner().kv_type());
  e.limits = o.limits.empty() ? Better(limits, MeasureLimits(options.threads)) : limits;
  if (!counters.ok()) e.counters_error = counters.error().what;
  return Write(o, e, layout, engine.runner().graph());
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, false);
  args.Option("-p,--prefill", &o->prefill, "tokens of the chunk of a prompt; 0: none").Range(0, 1 << 20);
  args.Option("--batch", &o->batch, "sequences that decode together").Range(1, 4096);
  args.Option("--depth", &o->depth, "tokens already in the KV cache; in prefill, whole blocks of 16")
      .Range(0, 1 << 24);
  args.Option("--steps", &o->steps, "steps that are profiled; as many are not").Range(1, 4096);
  args.Option("--top", &o->top, "how many single nodes to list").Range(0, 1 << 20);
  args.Option("--limits", &o->limits, "the machine's limits, from what bench or explain printed with --json")
      .ValueName("FILE")
      .ExistingFile();
  args.Option("--html", &o->html, "write a flame view, one page that needs nothing else").ValueName("FILE");
  args.Option("--trace", &o->trace, "write a step of each kind as Chrome trace").ValueName("FILE");
  args.Option("--schedule", &o->schedule,
              "instead: why requests of the tern serve at this address wait, as http://127.0.0.1:8080")
      .ValueName("URL");
  args.Option("--adaptation", &o->adaptation,
              "instead: what the tern serve at this address is set to by what its steps take, and every move "
              "with its "
              "reason")
      .ValueName("URL");
  args.Option("--api-key", &o->key, "for --schedule and --adaptation: a key of that server").ValueName("KEY");
  args.Flag(
      "--tuning", &o->tuning,
      "instead: what is set by measuring on this machine, and sizes that are fixed, each with its reason");
  args.Flag("--json", &o->json, "print one JSON object");
  AddRunnerFlags(args, &o->model, ContextFlag::kNo);
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_explain;
const CommandDesc k_command_explain = {
    .name = "explain",
    .summary = "where the time of a step goes, op by op",
    .example = "tern explain smollm2 --depth 512 --html flame.html",
    .setup = Setup,
};

}  // namespace tern
