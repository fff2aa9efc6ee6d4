#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "cli/command.h"
#include "cli/model_flags.h"
#include "cli/terminal.h"
#include "graph/memory.h"
#include "graph/pass.h"
#include "models/hf/checkpoint.h"

namespace tern {
namespace {

struct Options {
  ModelFlags model;
  bool metadata = false, tensors = false, graph = false, passes = false, json = false;
};

// A metadata value in a line: long strings are cut, arrays only counted.
struct ShowValue {
  std::string operator()(bool x) const { return x ? "true" : "false"; }
  std::string operator()(int64_t x) const { return fmt::format("{}", x); }
  std::string operator()(uint64_t x) const { return fmt::format("{}", x); }
  std::string operator()(double x) const { return fmt::format("{:g}", x); }
  std::string operator()(const std::string& x) const {
    constexpr size_t kShown = 80;
    const std::string text = Printable(x.substr(0, kShown));
    return x.size() > kShown ? fmt::format("{}... ({} bytes)", text, x.size()) : text;
  }
  template <class T>
  std::string operator()(const std::vector<T>& x) const {
    return fmt::format("array of {}", x.size());
  }
};

// The same for programs: scalars whole, arrays only counted. JSON has no word for NaN.
struct JsonValue {
  boost::json::value operator()(double x) const {
    return std::isfinite(x) ? boost::json::value(x) : boost::json::value();
  }
  template <class T>
  boost::json::value operator()(const T& x) const {
    return boost::json::value(x);
  }
  template <class T>
  boost::json::value operator()(const std::vector<T>& x) const {
    return boost::json::value(fmt::format("array of {}", x.size()));
  }
};

std::string ValueText(const MetaValue& value) { return std::visit(ShowValue{}, value); }

struct Summary {
  int64_t parameters = 0;
  std::map<std::string, size_t, std::less<>> format_bytes;
};

Summary Summarize(const Checkpoint& checkpoint) {
  Summary s;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    s.parameters += Elements(tensor.shape);
    s.format_bytes[std::string(tensor.format->name)] +=
        static_cast<size_t>(tensor.rows()) * tensor.row_bytes();
  }
  return s;
}

void PrintSummary(const Checkpoint& checkpoint) {
  const Summary s = Summarize(checkpoint);
  const auto architecture = checkpoint.metadata().Str("general.architecture", "?");
  const auto name = checkpoint.metadata().Str("general.name", "");
  fmt::print("{}\n", Printable(checkpoint.path()));
  if (name.ok() && !name.value().empty()) fmt::print("  name          {}\n", Printable(name.value()));
  if (architecture.ok()) fmt::print("  architecture  {}\n", Printable(architecture.value()));
  fmt::print("  parameters    {:.1f} M in {} tensors\n  file          {}\n",
             static_cast<double>(s.parameters) / 1e6, checkpoint.tensors().size(),
             HumanBytes(checkpoint.file_bytes()));
  for (const auto& [format, bytes] : s.format_bytes) fmt::print("  {:<12}  {}\n", format, HumanBytes(bytes));
}

void AddToJson(const Checkpoint& checkpoint, bool with_tensors, boost::json::object* json) {
  const Summary s = Summarize(checkpoint);
  boost::json::object metadata, formats;
  for (const auto& [key, value] : checkpoint.metadata().all()) metadata[key] = std::visit(JsonValue{}, value);
  for (const auto& [format, bytes] : s.format_bytes) formats[format] = bytes;
  (*json)["path"] = checkpoint.path();
  (*json)["file_bytes"] = checkpoint.file_bytes();
  (*json)["parameters"] = s.parameters;
  (*json)["tensor_count"] = checkpoint.tensors().size();
  (*json)["format_bytes"] = formats;
  (*json)["metadata"] = metadata;
  if (!with_tensors) return;
  boost::json::array tensors;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    tensors.push_back({{"name", name},
                       {"format", tensor.format->name},
                       {"shape", boost::json::array(tensor.shape.begin(), tensor.shape.end())}});
  }
  (*json)["tensors"] = tensors;
}

void PrintFile(const Checkpoint& checkpoint, const Options& o) {
  PrintSummary(checkpoint);
  if (o.metadata) {
    for (const auto& [key, value] : checkpoint.metadata().all()) {
      fmt::print("{} = {}\n", Printable(key), ValueText(value));
    }
  }
  if (o.tensors) {
    for (const auto& [name, tensor] : checkpoint.tensors()) {
      fmt::print("{:<40} {:<6} {}\n", Printable(name), tensor.format->name, ToString(tensor.shape));
    }
  }
}

Status InspectFile(const Options& o, boost::json::object* json) {
  TERN_TRY(const std::string path, FindModelFile(o.model));
  TERN_TRY(const auto checkpoint, OpenModelCheckpoint(path));
  o.json ? AddToJson(*checkpoint, o.tensors, json) : PrintFile(*checkpoint, o);
  return {};
}

// What was measured for --error-budget, cheapest first.
void PrintBudget(const SpentBudget& spent) {
  if (spent.offers.empty()) return fmt::print("\nno pass offers to change this model\n");
  fmt::print("\n{:<28} {:>12} {:>10}  {}\n", "rewrite", "saves M/token", "KLD alone", "kept");
  for (const MeasuredOffer& m : spent.offers) {
    if (m.text_too_short) {
      fmt::print("{:<28} {:>12.2f} {:>10}  no: needs a text of {} tokens\n", Printable(m.offer.name),
                 m.offer.saved / 1e6, "-", m.offer.needed_tokens);
      continue;
    }
    fmt::print("{:<28} {:>12.2f} {:>10.2g}  {}\n", Printable(m.offer.name), m.offer.saved / 1e6, m.kld,
               m.kept ? "yes" : "no");
  }
  fmt::print("together: {} rewrites, KLD {:.2g} over {} tokens\n", spent.Kept().size(), spent.kld,
             spent.tokens);
}

boost::json::object BudgetJson(const SpentBudget& spent) {
  boost::json::array rewrites;
  for (const MeasuredOffer& m : spent.offers) {
    boost::json::object row = {{"rewrite", m.offer.name}, {"saved", m.offer.saved}, {"kept", m.kept}};
    if (m.text_too_short) {
      row["needed_tokens"] = m.offer.needed_tokens;
    } else {
      row["kld"] = m.kld;
    }
    rewrites.push_back(std::move(row));
  }
  return {{"kld", spent.kld}, {"tokens", spent.tokens}, {"rewrites", rewrites}};
}

Status InspectGraph(const Options& o, boost::json::object* json) {
  TERN_TRY(const auto model, OpenModel(o.model));
  SpentBudget spent;
  TERN_TRY(const RunnerOptions options, ToRunnerOptions(model, o.model, &spent));
  TERN_TRY(const auto backend, OpenBackend(options.backend, {.threads = options.threads}));
  Graph graph = model->built.graph;
  const PassContext context{.target = *backend, .precision = options.precision, .granted = options.granted};
  const StepLimits limits = LimitsOf(options);
  TERN_TRY(const auto reports, RunPasses(graph, context, options.disabled_passes, &limits));
  std::optional<Graph> source = model->built.source;
  if (source) {
    TERN_TRY([[maybe_unused]] const auto more, RunPasses(*source, context, options.disabled_passes));
  }
  if (o.json) {
    if (o.graph && source) (*json)["source_graph"] = Print(*source);
    if (o.graph) (*json)["graph"] = Print(graph);
    if (o.passes) (*json)["passes"] = boost::json::parse(PassTableJson(reports));
    if (o.passes && !o.model.error_budget.empty()) (*json)["error_budget"] = BudgetJson(spent);
    return {};
  }
  if (o.graph && source) fmt::print("{}\n", Print(*source));
  if (o.graph) fmt::print("{}", Print(graph));
  if (o.passes) fmt::print("{}", PassTable(reports));
  if (o.passes && !o.model.error_budget.empty()) PrintBudget(spent);
  return {};
}

Status Run(const Options& o) {
  boost::json::object json;
  const bool graph = o.graph || o.passes;
  if (!graph || o.metadata || o.tensors) TERN_TRY_STATUS(InspectFile(o, &json));
  if (graph) TERN_TRY_STATUS(InspectGraph(o, &json));
  if (o.json) fmt::print("{}\n", boost::json::serialize(json));
  return {};
}

void Setup(Arguments& args) {
  auto o = std::make_shared<Options>();
  AddModelArgument(args, &o->model, true);
  args.Flag("--metadata", &o->metadata, "all metadata");
  args.Flag("--tensors", &o->tensors, "all tensors");
  args.Flag("--graph", &o->graph, "the graph of a step, after all passes; an encoder's first");
  args.Flag("--passes", &o->passes, "what each pass did: nodes, arena bytes, time");
  args.Flag("--json", &o->json, "print one JSON object");
  AddRunnerFlags(args, &o->model);
  args.Run([o] { return Run(*o); });
}

}  // namespace

extern const CommandDesc k_command_inspect;
const CommandDesc k_command_inspect = {
    .name = "inspect",
    .summary = "what a model file holds, and the graph it becomes",
    .example = "tern inspect smollm2 --graph --passes",
    .setup = Setup,
};

}  // namespace tern
