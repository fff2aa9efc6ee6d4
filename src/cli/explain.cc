#include "cli/explain.h"

#include <algorithm>
#include <numeric>

namespace tern {
namespace {

double MiddleMeanUs(std::vector<int64_t> ns) {
  std::sort(ns.begin(), ns.end());
  const size_t quarter = ns.size() / 4;
  const double sum = std::accumulate(ns.begin() + static_cast<ptrdiff_t>(quarter),
                                     ns.end() - static_cast<ptrdiff_t>(quarter), 0.0);
  return sum / static_cast<double>(ns.size() - 2 * quarter) / 1000;
}

double MeanDepth(std::span<const EngineStep* const> steps) {
  double depth = 0, spans = 0;
  for (const EngineStep* step : steps) {
    for (const StepProfile::Span& span : step->profile.spans) depth += span.first_position;
    spans += static_cast<double>(step->profile.spans.size());
  }
  return spans > 0 ? depth / spans : 0;
}

}  // namespace

double ExplainedStep::share(const MachineLimits& limits) const {
  return TimeAtLimits(report.step.work, limits).us() / plain_us;
}

Result<ExplainedStep> Explain(std::string test, const MeteredSteps& metered, const PlanLayout& layout,
                              Engine& engine) {
  if (metered.profiled.empty() || metered.plain_ns.empty()) return BadInput(test + ": no step was measured");
  const Runner& runner = engine.runner();
  const StepProfile& first = metered.profiled[0].profile;
  for (const EngineStep& step : metered.profiled) {
    if (step.profile.end > step.profile.start && step.profile.rows == first.rows) continue;
    return Error{Code::kInternal, test + ": a step of another shape than the first"};
  }
  const std::vector<const EngineStep*> middle = MiddleHalf(metered.profiled);
  ExplainedStep e{
      .test = std::move(test),
      .rows = first.rows,
      .batch = static_cast<int>(first.spans.size()),
      .depth = MeanDepth(middle),
      .steps = static_cast<int>(middle.size()),
      .plain_us = MiddleMeanUs(metered.plain_ns),
      .report = MakeStepReport(middle, layout,
                               {runner.graph(), first, runner.model().built.kv_layers, runner.kv_type()}),
      .typical = *middle[middle.size() / 2]};
  e.profiled_us = e.report.step.us;
  if (metered.counts) {
    const auto n = static_cast<uint64_t>(metered.plain_ns.size());
    const PerfCounts& c = *metered.counts;
    e.counts = PerfCounts{c.cycles / n, c.instructions / n, c.cache_misses / n};
  }
  return e;
}

}  // namespace tern
