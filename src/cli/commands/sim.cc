#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "base/file.h"
#include "cli/command.h"
#include "cli/measured_cost.h"
#include "cli/model_flags.h"
#include "cli/sim_report.h"
#include "cli/terminal.h"
#include "plan/load.h"

namespace tern {
namespace {

constexpr std::string_view kQuestions[] = {"run", "rate", "policy", "kv"};

struct Options {
  ModelFlags model;
  std::string cost_file, save_cost, trace_file, load, write_trace, question, policy, out;
  LoadOptions made;
  double rate = 0, speedup = 1;
  int max_input = 0, max_output = 0;
  int parallel = 32, kv_tokens = 0, queue = QueueLimits().requests;
  std::string slo_ttft, slo_itl;
  uint64_t seed = 1;
  bool anew = false, json = false;

  std::string Question() const {
    return !question.empty() ? question : rate > 0 || !trace_file.empty() ? "run" : "rate";
  }
};

struct Setting {
  MachineCost cost;
  Trace trace;
  SimOptions sim;
  Slo slo;  // what counts as good
};

// What is not given is not promised by the server, and still counts.
constexpr double kUsualTtft_s = 2, kUsualItl_s = 0.1;

Result<MachineCost> CostFor(const Options& o) {
  constexpr size_t kMostBytes = size_t{1} << 24;
  if (!o.cost_file.empty()) {
    TERN_TRY(const std::string text, ReadFile(o.cost_file, kMostBytes));
    return ParseMachineCost(text, o.cost_file);
  }
  TERN_TRY(MeasuredCost measured, MeasureMachineCost(o.model, o.parallel, o.anew));
  if (!measured.is_kept) {
    fmt::print(stderr, "measured: steps cost what {} says, within {:.0f} %\n", o.model.model,
               100 * measured.worst);
  }
  return std::move(measured.cost);
}

Result<Trace> TraceFor(const Options& o) {
  Trace trace;
  if (o.trace_file.empty()) {
    TERN_TRY(const LoadDesc* load, FindLoad(o.load));
    LoadOptions made = o.made;
    made.seed = o.seed;
    if (o.rate > 0) made.rate = o.rate;
    trace = MakeLoad(*load, made);
  } else {
    TERN_TRY(trace, ReadTrace(o.trace_file));
    if (trace.skipped > 0) {
      fmt::print(stderr, "{}: {} requests without an answer left out\n", Printable(o.trace_file),
                 trace.skipped);
    }
  }
  CapLengths(&trace, o.max_input, o.max_output);
  SpeedUp(&trace, o.speedup);
  if (!o.trace_file.empty() && o.rate > 0 && trace.seconds() > 0) {
    SpeedUp(&trace, o.rate * trace.seconds() / static_cast<double>(trace.requests.size()));
  }
  if (!o.write_trace.empty()) TERN_TRY_STATUS(WriteFileAtomic(o.write_trace, FormatTrace(trace)));
  return trace;
}

Result<Setting> Prepare(const Options& o) {
  Setting s;
  TERN_TRY(s.trace, TraceFor(o));
  TERN_TRY(s.cost, CostFor(o));
  if (!o.save_cost.empty()) TERN_TRY_STATUS(WriteFileAtomic(o.save_cost, FormatMachineCost(s.cost)));
  SchedulerOptions& scheduler = s.sim.scheduler;
  TERN_TRY(scheduler.policy, FindPolicy(o.policy));
  scheduler.context = o.model.context > 0 ? o.model.context : s.cost.context;
  const int64_t all = int64_t{scheduler.context} * o.parallel;
  const int64_t most = s.cost.kv_tokens > 0 ? std::min<int64_t>(all, s.cost.kv_tokens) : all;
  const int64_t kv_tokens = std::min<int64_t>(o.kv_tokens > 0 ? o.kv_tokens : most, int64_t{1} << 28);
  scheduler.kv_blocks = static_cast<int>((kv_tokens + scheduler.block_tokens - 1) / scheduler.block_tokens);
  scheduler.running = o.parallel;
  scheduler.step_tokens = s.cost.step_tokens;
  scheduler.queue.requests = o.queue;
  TERN_TRY(scheduler.slo.ttft_s, ParseSecondsByClass("--slo-ttft", o.slo_ttft));
  TERN_TRY(scheduler.slo.itl_s, ParseSecondsByClass("--slo-itl", o.slo_itl));
  s.slo = scheduler.slo;
  if (o.slo_ttft.empty()) s.slo.ttft_s.fill(kUsualTtft_s);
  if (o.slo_itl.empty()) s.slo.itl_s.fill(kUsualItl_s);
  s.sim.step = s.cost.step;
  s.sim.token_s = s.cost.token_s;
  s.sim.request_s = s.cost.request_s;
  s.sim.seed = o.seed;
  return s;
}

double RateOf(const Trace& trace) {
  return trace.seconds() > 0 ? static_cast<double>(trace.requests.size()) / trace.seconds() : 0;
}

SimRow RunOnce(const Setting& s, double factor, const SimOptions& sim, std::string label) {
  Trace trace = s.trace;
  if (factor != 1) SpeedUp(&trace, factor);
  return MakeSimRow(std::move(label), trace, Simulate(trace, sim), s.slo);
}

Result<std::vector<SimRow>> ByRate(const Setting& s) {
  const Capacity most = FindCapacity(s.trace, s.sim, s.slo);
  if (most.factor == 0) {
    return BadInput(fmt::format(
        "{}: not even one request at a time is served like that, expected longer times, or a faster machine",
        SloText(s.slo)));
  }
  std::vector<SimRow> rows;
  for (const double share : {0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.5}) {
    const double factor = share * most.factor;
    rows.push_back(RunOnce(s, factor, s.sim, fmt::format("{:.3g}/s", factor * RateOf(s.trace))));
    if (share == 1) rows.back().most_rate = factor * RateOf(s.trace);
  }
  return rows;
}

// At the load that was given, or as much as the first policy bears.
Result<std::vector<SimRow>> ByPolicy(const Options& o, const Setting& s) {
  std::vector<SimRow> rows;
  double factor = 1;
  for (const PolicyDesc* policy : AllPolicies()) {
    SimOptions sim = s.sim;
    sim.scheduler.policy = policy;
    const Capacity most = FindCapacity(s.trace, sim, s.slo);
    if (rows.empty() && o.rate == 0 && o.trace_file.empty() && most.factor > 0) factor = most.factor;
    rows.push_back(RunOnce(s, factor, sim, std::string(policy->name)));
    rows.back().most_rate = most.factor * RateOf(s.trace);
  }
  return rows;
}

// From what two requests take to more than all of them.
Result<std::vector<SimRow>> ByKv(const Options& o, const Setting& s) {
  double factor = 1;
  if (o.rate == 0 && o.trace_file.empty()) {
    const Capacity most = FindCapacity(s.trace, s.sim, s.slo);
    if (most.factor > 0) factor = most.factor;
  }
  std::vector<SimRow> rows;
  for (int divisor = 64; divisor >= 1; divisor /= 2) {
    SimOptions sim = s.sim;
    sim.scheduler.kv_blocks = std::max(1, s.sim.scheduler.kv_blocks / divisor);
    const Capacity most = FindCapacity(s.trace, sim, s.slo);
    rows.push_back(RunOnce(s, factor, sim,
                           fmt::format("{}", int64_t{sim.scheduler.kv_blocks} * sim.scheduler.block_tokens)));
    rows.back().most_rate = most.factor * RateOf(s.trace);
  }
  return rows;
}

Result<std::vector<SimRow>> Answer(const Options& o, const Setting& s) {
  const std::string question = o.Question();
  if (question == "rate") return ByRate(s);
  if (question == "policy") return ByPolicy(o, s);
  if (question == "kv") return ByKv(o, s);
  return std::vector{RunOnce(s, 1, s.sim, s.trace.name)};
}

std::string HeadText(const Options& o, const Setting& s) {
  double in = 0, out = 0;
  for (const TraceRequest& r : s.trace.requests) {
    in += r.input_tokens;
    out += r.output_tokens;
  }
  const auto n = static_cast<double>(s.trace.requests.size());
  return fmt::format(
      "{}: {} requests of {}, {:.0f} tokens in and {:.0f} out on average; {} at once, context {}, KV for {} "
      "tokens, policy {}\n\n",
      Printable(s.cost.model), s.trace.requests.size(), Printable(s.trace.name), in / n, out / n, o.parallel,
      s.sim.scheduler.context, int64_t{s.sim.scheduler.kv_blocks} * s.sim.scheduler.block_tokens, o.policy);
}

void PrintText(const Options& o, const Setting& s, const std::vector<SimRow>& rows) {
  const std::string question = o.Question();
  fmt::print("{}", HeadText(o, s));
  if (question == "run") {
    fmt::print("{}", SimText(rows[0], s.slo));
    return;
  }
  if (question == "rate") {
    const auto most = std::ranges::find_if(rows, [](const SimRow& row) { return row.most_rate > 0; });
    fmt::print("{:.0f} % of requests get {}, up to {:.3g} requests/s\n\n", 100 * kServedShare, SloText(s.slo),
               most->most_rate);
  }
  fmt::print("{}", SimTable(question == "kv" ? "KV tokens" : question, rows));
}

// A line for each, in the order of the trace.
Status WriteRequests(const std::string& path, const Trace& trace, const SimResult& result) {
  std::string text = "arrival_s,priority,input_tokens,output_tokens,cached_tokens,ttft_s,total_s,end\n";
  for (size_t i = 0; i < trace.requests.size(); ++i) {
    const SimRequest& r = result.requests[i];
    text += fmt::format("{:.6f},{},{},{},{},{:.6f},{:.6f},{}\n",
                        1e-9 * static_cast<double>(trace.requests[i].arrival_ns),
                        kPriorityNames[static_cast<size_t>(trace.requests[i].priority)],
                        trace.requests[i].input_tokens, r.output_tokens, r.cached_tokens, r.first_token_s,
                        r.total_s, r.end == SimEnd::kWhole ? "whole" : "refused");
  }
  return WriteFileAtomic(path, text);
}

Status Run(const Options& o) {
  TERN_TRY(const Setting setting, Prepare(o));
  TERN_TRY(const std::vector<SimRow> rows, Answer(o, setting));
  if (!o.out.empty()) TERN_TRY_STATUS(WriteRequests(o.out, setting.trace, rows[0].result));
  if (!o.json) {
    PrintText(o, setting, rows);
    return {};
  }
  boost::json::array list;
  for (const SimRow& row : rows) list.push_back(SimJson(row));
  fmt::print("{}\n", boost::json::serialize(boost::json::object{{"model", setting.cost.model},
                                                                {"question", o.Question()},
                                                                {"slo", SloText(setting.slo)},
                                                                {"rows", list}}));
  return {};
}

void SetupLoad(Arguments& args, Options* o) {
  args.Section("The load");
  args.Option(
          "--trace", &o->trace_file,
          "requests as they came: CSV or JSON lines of our own, of the Azure LLM or BurstGPT traces (CSV), "
          "of Mooncake (JSON lines); docs/sim.md")
      .ValueName("FILE")
      .ExistingFile();
  o->load = AllLoads().front()->name;
  std::string kinds = "made up instead:";
  for (const LoadDesc* load : AllLoads()) kinds += fmt::format(" {}: {};", load->name, load->summary);
  kinds.pop_back();
  args.Option("--load", &o->load, kinds).Choices(NamesOf(AllLoads())).Excludes("--trace");
  args.Option("--rate", &o->rate, "requests a second, on average; 0: the trace's, or what the machine bears")
      .Range(0, 1e9);
  args.Option("--requests", &o->made.requests, "how many are made up").Range(1, 1e8);
  args.Option("--input-tokens", &o->made.input_tokens, "of their prompts, on average").Range(1, 1e7);
  args.Option("--output-tokens", &o->made.output_tokens, "of their answers, on average").Range(1, 1e7);
  args.Option("--spread", &o->made.spread, "how much lengths differ: deviation of the logarithm").Range(0, 3);
  args.Option("--shared-tokens", &o->made.shared_tokens, "of --load agents: what their prompts begin with")
      .Range(0, 1e7);
  args.Option("--high", &o->made.high_share, "share of them that have high priority").Range(0, 1);
  args.Option("--speedup", &o->speedup, "so many times as fast as the trace").Range(1e-6, 1e9);
  args.Option("--max-input", &o->max_input, "cut longer prompts; 0: do not").Range(0, 1 << 30);
  args.Option("--max-output", &o->max_output, "cut longer answers; 0: do not").Range(0, 1 << 30);
  args.Option("--seed", &o->seed, "of what is drawn; the same gives the same, to the step");
  args.Option("--write-trace", &o->write_trace, "keep the requests, as JSON lines").ValueName("FILE");
}

void SetupServer(Arguments& args, Options* o) {
  args.Section("The server");
  args.Option("--parallel", &o->parallel, "most answers at once; others wait").Range(1, 1024);
  args.Option("--kv-tokens", &o->kv_tokens, "tokens that the KV cache holds; 0: as tern serve would have it")
      .Range(0, 1 << 30);
  o->policy = AllPolicies().front()->name;
  args.Option("--policy", &o->policy, "which of those that wait runs next").Choices(NamesOf(AllPolicies()));
  args.Option("--queue", &o->queue, "most answers that wait; more are refused").Range(1, 1 << 20);
  args.Option(
          "--cost", &o->cost_file,
          "what steps cost: what tern bench --step-cost --json printed, there or here; no model is needed")
      .ValueName("FILE")
      .ExistingFile();
  args.Option("--save-cost", &o->save_cost, "keep what steps cost, for --cost").ValueName("FILE");
  args.Flag("--measure", &o->anew, "measure what steps cost again, even if that is known of an earlier time");
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  o->model.model.clear();
  AddModelArgument(args, &o->model, false);
  args.Option("--ask", &o->question,
              "run: what becomes of this load; rate: how much load holds the SLO; policy: which one is best; "
              "kv: how much KV is enough")
      .Choices({kQuestions[0], kQuestions[1], kQuestions[2], kQuestions[3]})
      .Default("run with --rate or --trace, else rate");
  args.Option(
          "--slo-ttft", &o->slo_ttft,
          "what tern serve promises of the time to the first token, as 2s, or by class as high=500ms,mid=2s")
      .ValueName("TIME")
      .Default("nothing; what counts as good is 2s");
  args.Option("--slo-itl", &o->slo_itl, "of the time from a token to the next, which counts on average")
      .ValueName("TIME")
      .Default("nothing; what counts as good is 100ms");
  args.Flag("--json", &o->json, "print one JSON object");
  args.Option("-o,--out", &o->out, "write times of each request, of the first run, as CSV").ValueName("FILE");
  SetupLoad(args, o.get());
  SetupServer(args, o.get());
  AddRunnerFlags(args, &o->model);
  args.Check([o = o.get()]() -> Status {
    if (o->model.model.empty() && o->cost_file.empty()) {
      return BadInput("expected MODEL, or what its steps cost with --cost");
    }
    TERN_TRY([[maybe_unused]] const auto ttft, ParseSecondsByClass("--slo-ttft", o->slo_ttft));
    TERN_TRY([[maybe_unused]] const auto itl, ParseSecondsByClass("--slo-itl", o->slo_itl));
    return {};
  });
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_sim;
const CommandDesc k_command_sim = {
    .name = "sim",
    .summary = "say how a model would serve a load: a day of traffic in seconds",
    .example =
        "tern sim smollm2\n"
        "tern sim smollm2 --load agents --rate 2 --slo-ttft 1s --slo-itl 50ms\n"
        "tern sim smollm2 --trace AzureLLMInferenceTrace_conv.csv --speedup 0.1 --ask policy",
    .setup = Setup,
};

}  // namespace tern
