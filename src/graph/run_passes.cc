#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "graph/pass.h"

namespace tern {

#define PASS(id) extern const PassDesc k_pass_##id;
#include "graph/passes.list"
#undef PASS

std::span<const PassDesc* const> AllPasses() {
  static constexpr const PassDesc* kAll[] = {
#define PASS(id) &k_pass_##id,
#include "graph/passes.list"
#undef PASS
  };
  return kAll;
}

namespace {

struct NamedPrecision {
  std::string_view name;
  Precision precision;
};
constexpr NamedPrecision kPrecisions[] = {{"fast", Precision::kFast},
                                          {"default", Precision::kDefault},
                                          {"precise", Precision::kPrecise},
                                          {"exact", Precision::kExact}};

// How often each op writes each KV layer.
using Effects = std::map<std::pair<const OpDesc*, int64_t>, int>;
Effects CountEffects(const Graph& graph) {
  Effects effects;
  for (const Node& node : graph.nodes()) {
    if (node.op->has_effect) ++effects[{node.op, node.attrs.Int("layer", -1)}];
  }
  return effects;
}

Error InPass(std::string_view pass, const Error& error) {
  return {error.code, fmt::format("pass {}: {}", pass, error.what)};
}

bool SameEffects(const Effects& before, const Effects& after, bool may_go) {
  if (!may_go) return before == after;
  return std::all_of(after.begin(), after.end(), [&](const auto& effect) {
    const auto same = before.find(effect.first);
    return same != before.end() && same->second == effect.second;
  });
}

Status CheckNames(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto known = [&](const PassDesc* pass) { return pass->name == name; };
    if (std::any_of(AllPasses().begin(), AllPasses().end(), known)) continue;
    std::string all;
    for (const PassDesc* pass : AllPasses()) all += (all.empty() ? "" : ", ") + std::string(pass->name);
    return BadInput(fmt::format("pass {}: unknown, expected one of {}", name, all));
  }
  return {};
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

size_t ArenaBytes(const Graph& graph, const Target& target, const StepLimits* limits) {
  return limits == nullptr ? 0 : PlanArena(graph, *limits, target.Stages(graph)).bytes;
}

}  // namespace

Result<Precision> ParsePrecision(std::string_view name) {
  for (const NamedPrecision& p : kPrecisions) {
    if (p.name == name) return p.precision;
  }
  return BadInput(fmt::format("precision \"{}\": unknown, expected fast, default, precise or exact", name));
}

std::string_view PrecisionName(Precision precision) {
  for (const NamedPrecision& p : kPrecisions) {
    if (p.precision == precision) return p.name;
  }
  return "?";
}

Result<PassReport> RunPass(const PassDesc& pass, Graph& graph, const PassContext& context) {
  PassReport report{.name = pass.name, .nodes_before = graph.nodes().size()};
  const Effects effects = CountEffects(graph);
  const auto start = std::chrono::steady_clock::now();
  auto changes = pass.run(graph, context);
  report.micros = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
  if (!changes.ok()) return InPass(pass.name, changes.error());
  report.changes = changes.value();
  report.nodes_after = graph.nodes().size();
  if (auto status = Verify(graph); !status.ok()) return InPass(pass.name, status.error());
  if (!SameEffects(effects, CountEffects(graph), pass.offers != nullptr)) {
    return InPass(pass.name, {Code::kInternal, "a node that writes the KV cache came or went"});
  }
  return report;
}

Result<std::vector<PassReport>> RunPasses(Graph& graph, const PassContext& context,
                                          const std::vector<std::string>& disabled, const StepLimits* arena) {
  TERN_TRY_STATUS(CheckNames(disabled));
  std::vector<PassReport> reports;
  size_t bytes = ArenaBytes(graph, context.target, arena);
  for (const PassDesc* pass : AllPasses()) {
    PassReport report{.name = pass->name, .disabled = true};
    report.nodes_before = report.nodes_after = graph.nodes().size();
    if (!Contains(disabled, pass->name)) {
      TERN_TRY(report, RunPass(*pass, graph, context));
    }
    report.arena_before = bytes;
    report.arena_after = bytes = ArenaBytes(graph, context.target, arena);
    reports.push_back(report);
  }
  return reports;
}

Result<std::vector<Offer>> AllOffers(Graph graph, const PassContext& context,
                                     const std::vector<std::string>& disabled) {
  TERN_TRY_STATUS(CheckNames(disabled));
  std::vector<Offer> offers;
  for (const PassDesc* pass : AllPasses()) {
    if (Contains(disabled, pass->name)) continue;
    if (pass->offers != nullptr) {
      for (Offer& offer : pass->offers(graph, context)) offers.push_back(std::move(offer));
    }
    TERN_TRY([[maybe_unused]] const PassReport report, RunPass(*pass, graph, context));
  }
  return offers;
}

bool IsGranted(const PassContext& context, std::string_view pass, std::string_view place) {
  return std::any_of(context.granted.begin(), context.granted.end(), [&](std::string_view name) {
    return name.size() == pass.size() + 1 + place.size() && name.starts_with(pass) &&
           name[pass.size()] == ':' && name.ends_with(place);
  });
}

}  // namespace tern
