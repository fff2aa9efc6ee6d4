#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/command.h"
#include "cli/limits_text.h"
#include "cli/measured_cost.h"
#include "cli/model_flags.h"
#include "cli/progress.h"
#include "engine/speed_meter.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  std::vector<int> prefill = {512}, decode = {64}, batch = {1}, depth = {0};
  int repeats = 5;
  bool json = false, step_cost = false;
};

using Test = SpeedCase::Test;

std::string_view NameOf(Test test) { return test == Test::kPrefill ? "prefill" : "decode"; }

struct Figure {
  SpeedCase what;
  double tokens_per_s = 0;  // median over the repeats
  double spread = 0;        // (max - min) / median
  double share = 0;         // of the limit that binds: operations for prefill, bytes for decode
};

double Share(const Runner& runner, const MachineLimits& limits, const SpeedCase& c, double seconds) {
  const PlanOps ops = runner.source_tokens() > 0 ? runner.source_ops() : runner.plan_ops();
  if (c.test == Test::kPrefill) {
    // Share of the peak: the time that the operations need at their peaks, over the time taken.
    const double int8 = ops.int8_per_token * c.tokens + ops.int8_per_output;
    const double f32 = ops.f32_per_token * c.tokens + ops.f32_per_output;
    return (int8 / (limits.int8_gop_s * 1e9) + f32 / (limits.fp32_gflop_s * 1e9)) / seconds;
  }
  const double kv = static_cast<double>(runner.kv_read_bytes()) * (c.depth + c.tokens / 2.0) * c.batch;
  const double bytes = (static_cast<double>(runner.plan_bytes().step_weights) + kv) * c.tokens;
  return bytes / (limits.read_gb_s * 1e9) / seconds;
}

std::vector<SpeedCase> Cases(const Options& o) {
  std::vector<SpeedCase> cases;
  for (const int depth : o.depth) {
    for (const int tokens : o.prefill) {
      if (tokens > 0) cases.push_back({Test::kPrefill, tokens, 1, depth});
    }
    for (const int tokens : o.decode) {
      for (const int batch : o.batch) {
        if (tokens > 0) cases.push_back({Test::kDecode, tokens, batch, depth});
      }
    }
  }
  return cases;
}

void PrintText(const Options& o, const Runner& runner, const MachineLimits& l,
               const std::vector<Figure>& figures) {
  fmt::print("{}: {}, precision {}, KV {}\n", o.model.model, runner.device(), o.model.precision,
             KvTypeName(runner.kv_type()));
  fmt::print("{}\n\n", LimitsText(l));
  fmt::print("{:<8} {:>7} {:>6} {:>7} {:>10} {:>8}  {}\n", "test", "tokens", "batch", "depth", "tokens/s",
             "spread", "share of limit");
  for (const Figure& f : figures) {
    fmt::print("{:<8} {:>7} {:>6} {:>7} {:>10.1f} {:>7.0f}%  {:.0f} % of {}\n", NameOf(f.what.test),
               f.what.tokens, f.what.batch, f.what.depth, f.tokens_per_s, 100 * f.spread, 100 * f.share,
               f.what.test == Test::kPrefill ? "arithmetic" : "read bandwidth");
  }
}

boost::json::object Json(const Options& o, const Runner& runner, const MachineLimits& l,
                         const std::vector<Figure>& figures) {
  boost::json::array results;
  for (const Figure& f : figures) {
    results.push_back(boost::json::object{{"test", NameOf(f.what.test)},
                                          {"tokens", f.what.tokens},
                                          {"batch", f.what.batch},
                                          {"depth", f.what.depth},
                                          {"tokens_per_s", f.tokens_per_s},
                                          {"spread", f.spread},
                                          {"share", f.share}});
  }
  return {{"model", o.model.model},         {"device", runner.device()},
          {"precision", o.model.precision}, {"kv_type", KvTypeName(runner.kv_type())},
          {"limits", LimitsJson(l)},        {"results", results}};
}

// What `tern sim` wants to know beside the figures.
void AddSurroundings(const MachineCost& cost, boost::json::object* json) {
  json->emplace("context", cost.context);
  json->emplace("kv_tokens", cost.kv_tokens);
  json->emplace("step_tokens", cost.step_tokens);
  json->emplace("token_s", cost.token_s);
  json->emplace("spread", cost.step.spread);
  json->emplace("tail", cost.step.tail);
}

int Max(const std::vector<int>& list) {
  return list.empty() ? 0 : *std::max_element(list.begin(), list.end());
}

// Prose, for models that read: what they continue it with is as predictable as answers are.
constexpr std::string_view kText =
    "The harbour town woke slowly. Fishing boats lay in a row along the quay, and their owners mended nets "
    "while "
    "the tide came in. Nobody hurried: the ferry would not leave before nine, and the post arrived when it "
    "arrived. In the bakery at the corner a queue had formed, for on Thursdays there was bread with walnuts, "
    "and whoever came late went home without. An engineer who had moved here in spring to repair the old "
    "lighthouse stood among the others with a notebook under her arm. She had been asked to find out why its "
    "lamp went dark every few weeks, always for less than an hour, and never in a storm. The wiring was new, "
    "the bulbs were good, and the clockwork that turned the lens had been cleaned twice. She suspected the "
    "salt, which crept into everything, but salt does not keep a calendar. So she began to write down what "
    "else happened on those nights: the height of the water, the wind, the ships that passed, and who had "
    "the "
    "key. After two months the list was long enough to show a pattern, though not the one she had expected. ";

std::vector<int32_t> TextFor(const LoadedModel& model) {
  return model.tokenizer == nullptr ? std::vector<int32_t>() : EncodeInput(*model.tokenizer, kText, false);
}

Result<RunnerOptions> OptionsFor(const Options& o, const std::shared_ptr<const LoadedModel>& model) {
  if (o.step_cost) return ServedRunnerOptions(model, o.model, 0);
  TERN_TRY(RunnerOptions options, ToRunnerOptions(model, o.model));
  options.sequences = std::max(1, Max(o.batch));
  options.context = std::max(
      options.context, std::max(Max(o.depth), SpeedMeter::kPrompt) + std::max(Max(o.prefill), Max(o.decode)));
  return options;
}

Result<std::vector<Figure>> Measure(const Options& o, Runner* runner, const MachineLimits& limits) {
  SpeedMeter meter(runner, TextFor(runner->model()));
  const std::vector<SpeedCase> cases = o.step_cost ? StepCostCases(*runner) : Cases(o);
  std::vector<Figure> figures;
  Progress progress("bench", Progress::Unit::kCount);
  for (const SpeedCase& c : cases) {
    progress.Update(figures.size(), cases.size());
    TERN_TRY(const SpeedFigure speed, meter.Measure(c, o.repeats));
    figures.push_back({.what = c,
                       .tokens_per_s = c.tokens * c.batch / speed.seconds,
                       .spread = speed.spread,
                       .share = Share(*runner, limits, c, speed.seconds)});
  }
  progress.Finish();
  return figures;
}

Status Run(const Options& o) {
  TERN_TRY(const auto model, OpenModel(o.model));
  TERN_TRY_STATUS(CheckPredictsTokens(*model));
  TERN_TRY(const RunnerOptions options, OptionsFor(o, model));
  const MachineLimits limits = MeasureLimits(options.threads);
  TERN_TRY(auto runner, Runner::Make(model, options));
  TERN_TRY(const std::vector<Figure> figures, Measure(o, runner.get(), limits));
  if (!o.json) {
    PrintText(o, *runner, limits, figures);
    return {};
  }
  boost::json::object json = Json(o, *runner, limits, figures);
  if (o.step_cost) {
    TERN_TRY_STATUS(CheckContinuesText(*model));
    TERN_TRY(const MachineCost cost, MeasureSurroundings(std::move(runner), o.model.model));
    AddSurroundings(cost, &json);
  }
  fmt::print("{}\n", boost::json::serialize(json));
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, true);
  args.Option("-p,--prefill", &o->prefill, "prompt lengths; 0: none").ValueName("N,...").Range(0, 1 << 24);
  args.Option("-n,--decode", &o->decode, "tokens to decode; 0: none").ValueName("N,...").Range(0, 1 << 24);
  args.Option("--batch", &o->batch, "sequences that decode together").ValueName("N,...").Range(1, 4096);
  args.Option("--depth", &o->depth, "tokens already in the KV cache").ValueName("N,...").Range(0, 1 << 24);
  args.Option("-r,--repeats", &o->repeats, "measured runs of each; the median counts").Range(1, 1000);
  args.Flag(
      "--step-cost", &o->step_cost,
      "measure what tern sim asks for, instead: the model as tern serve runs it, short and long, few and "
      "many, shallow and deep");
  args.Flag("--json", &o->json, "print one JSON object");
  AddRunnerFlags(args, &o->model);
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_bench;
const CommandDesc k_command_bench = {
    .name = "bench",
    .summary = "measure the machine's limits, then a model against them",
    .example = "tern bench smollm2 -p 512 -n 64 --batch 1,16 --depth 0,4096",
    .setup = Setup,
};

}  // namespace tern
