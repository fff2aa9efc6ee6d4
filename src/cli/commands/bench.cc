#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "cli/command.h"
#include "cli/limits_text.h"
#include "cli/model_flags.h"
#include "cli/progress.h"
#include "engine/sequences.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  std::vector<int> prefill = {512}, decode = {64}, batch = {1}, depth = {0};
  int repeats = 5;
  bool json = false;
};

struct Case {
  std::string_view test;  // "prefill" or "decode"
  int tokens = 0, batch = 1, depth = 0;
};

struct Figure {
  Case what;
  double tokens_per_s = 0;  // median over the repeats
  double spread = 0;        // (max - min) / median
  double share = 0;         // of the limit that binds: operations for prefill, bytes for decode
};

double Seconds(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

class Bench {
 public:
  Bench(Runner* runner, const MachineLimits& limits)
      : runner_(*runner), sequences_(runner), limits_(limits) {}

  Result<Figure> Measure(const Case& c, int repeats) {
    std::vector<double> seconds;
    for (int i = 0; i <= repeats; ++i) {  // the first warms up
      TERN_TRY(const double s, Once(c));
      if (i > 0) seconds.push_back(s);
    }
    std::sort(seconds.begin(), seconds.end());
    const double median = seconds[seconds.size() / 2];
    Figure figure{.what = c};
    figure.tokens_per_s = c.tokens * c.batch / median;
    figure.spread = (seconds.back() - seconds.front()) / median;
    figure.share = Share(c, median);
    return figure;
  }

 private:
  // Time of the measured part alone: the depth is filled before.
  Result<double> Once(const Case& c) {
    std::vector<SequenceId> sequences;
    const auto close = [&] {
      for (const SequenceId id : sequences) sequences_.Close(id);
    };
    Status status;
    double seconds = 0;
    for (int i = 0; i < c.batch && status.ok(); ++i) {
      auto id = sequences_.Open();
      if (!id.ok()) {
        status = id.error();
        break;
      }
      sequences.push_back(id.value());
      status = answers() ? ReadSource(id.value(), std::max(1, c.depth)) : Prefill(id.value(), c.depth);
    }
    if (status.ok()) {
      const auto start = std::chrono::steady_clock::now();
      status = c.test != "prefill" ? Decode(sequences, c.tokens)
               : answers()         ? ReadSource(sequences[0], c.tokens)
                                   : Prefill(sequences[0], c.tokens);
      seconds = Seconds(start);
    }
    close();
    if (!status.ok()) return status.error();
    return seconds;
  }

  Status Prefill(SequenceId sequence, int tokens) {
    for (int done = 0; done < tokens;) {
      const int rows = std::min(tokens - done, runner_.step_tokens());
      FillTokens(rows);
      done += rows;
      const StepWork work{sequence, tokens_, done == tokens ? WantLogits::kLast : WantLogits::kNone};
      TERN_TRY_STATUS(sequences_.Step({&work, 1}));
    }
    return {};
  }

  // An encoder-decoder's prefill is its source, and the depth that of a source.
  bool answers() const { return runner_.source_tokens() > 0; }
  Status ReadSource(SequenceId sequence, int tokens) {
    FillTokens(tokens);
    return sequences_.ReadSource(sequence, tokens_);
  }

  Status Decode(const std::vector<SequenceId>& sequences, int steps) {
    FillTokens(static_cast<int>(sequences.size()));
    std::vector<StepWork> work;
    for (size_t i = 0; i < sequences.size(); ++i)
      work.push_back({sequences[i], std::span(tokens_).subspan(i, 1)});
    for (int i = 0; i < steps; ++i) TERN_TRY_STATUS(sequences_.Step(work));
    return {};
  }

  // Any tokens cost the same; these are spread over the vocabulary.
  void FillTokens(int n) {
    tokens_.resize(static_cast<size_t>(n));
    const int vocabulary = runner_.model().hparams().vocabulary;
    for (int i = 0; i < n; ++i) tokens_[static_cast<size_t>(i)] = (i * 7919 + 13) % vocabulary;
  }

  double Share(const Case& c, double seconds) const {
    const PlanOps ops = answers() ? runner_.source_ops() : runner_.plan_ops();
    if (c.test == "prefill") {
      // Share of the peak: the time that the operations need at their peaks, over the time taken.
      const double int8 = ops.int8_per_token * c.tokens + ops.int8_per_output;
      const double f32 = ops.f32_per_token * c.tokens + ops.f32_per_output;
      return (int8 / (limits_.int8_gop_s * 1e9) + f32 / (limits_.fp32_gflop_s * 1e9)) / seconds;
    }
    const double kv = static_cast<double>(runner_.kv_read_bytes()) * (c.depth + c.tokens / 2.0) * c.batch;
    const double bytes = (static_cast<double>(runner_.plan_bytes().step_weights) + kv) * c.tokens;
    return bytes / (limits_.read_gb_s * 1e9) / seconds;
  }

  Runner& runner_;
  Sequences sequences_;
  const MachineLimits& limits_;
  std::vector<int32_t> tokens_;
};

std::vector<Case> Cases(const Options& o) {
  std::vector<Case> cases;
  for (const int depth : o.depth) {
    for (const int tokens : o.prefill) {
      if (tokens > 0) cases.push_back({"prefill", tokens, 1, depth});
    }
    for (const int tokens : o.decode) {
      for (const int batch : o.batch) {
        if (tokens > 0) cases.push_back({"decode", tokens, batch, depth});
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
    fmt::print("{:<8} {:>7} {:>6} {:>7} {:>10.1f} {:>7.0f}%  {:.0f} % of {}\n", f.what.test, f.what.tokens,
               f.what.batch, f.what.depth, f.tokens_per_s, 100 * f.spread, 100 * f.share,
               f.what.test == "prefill" ? "arithmetic" : "read bandwidth");
  }
}

void PrintJson(const Options& o, const Runner& runner, const MachineLimits& l,
               const std::vector<Figure>& figures) {
  boost::json::array results;
  for (const Figure& f : figures) {
    results.push_back(boost::json::object{{"test", f.what.test},
                                          {"tokens", f.what.tokens},
                                          {"batch", f.what.batch},
                                          {"depth", f.what.depth},
                                          {"tokens_per_s", f.tokens_per_s},
                                          {"spread", f.spread},
                                          {"share", f.share}});
  }
  fmt::print("{}\n", boost::json::serialize(boost::json::object{{"model", o.model.model},
                                                                {"device", runner.device()},
                                                                {"precision", o.model.precision},
                                                                {"limits", LimitsJson(l)},
                                                                {"results", results}}));
}

int Max(const std::vector<int>& list) {
  return list.empty() ? 0 : *std::max_element(list.begin(), list.end());
}

Status Run(const Options& o) {
  TERN_TRY(const auto model, OpenModel(o.model));
  TERN_TRY_STATUS(CheckPredictsTokens(*model));
  TERN_TRY(RunnerOptions options, ToRunnerOptions(model, o.model));
  options.sequences = std::max(1, Max(o.batch));
  options.context = std::max(options.context, Max(o.depth) + std::max(Max(o.prefill), Max(o.decode)));
  const MachineLimits limits = MeasureLimits(options.threads);
  TERN_TRY(const auto runner, Runner::Make(model, options));
  Bench bench(runner.get(), limits);
  const std::vector<Case> cases = Cases(o);
  std::vector<Figure> figures;
  Progress progress("bench", Progress::Unit::kCount);
  for (const Case& c : cases) {
    progress.Update(figures.size(), cases.size());
    TERN_TRY(const Figure figure, bench.Measure(c, o.repeats));
    figures.push_back(figure);
  }
  progress.Finish();
  o.json ? PrintJson(o, *runner, limits, figures) : PrintText(o, *runner, limits, figures);
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
