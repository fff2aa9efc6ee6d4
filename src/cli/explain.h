#pragma once
// What `tern explain` found out, and the forms in which it says so.

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "backends/cpu/limits/limits.h"
#include "engine/step_meter.h"

namespace tern {

// A kind of step: a decode step or a chunk of a prompt.
struct ExplainedStep {
  std::string test;  // "decode" or "prefill"
  int rows = 0, batch = 1;
  double depth = 0;        // tokens before the step, of one sequence, on average
  int steps = 0;           // that were averaged, of those measured
  double plain_us = 0;     // without a profile, averaged likewise
  double profiled_us = 0;  // with one: report.step.us
  StepReport report;
  EngineStep typical;                     // a profiled step of median time, for the trace
  std::optional<PerfCounts> counts = {};  // per step

  // Of what it reads and computes, at the machine's limits.
  double share(const MachineLimits& limits) const;
};

struct Explanation {
  std::string model, device, precision, kv_type;
  MachineLimits limits;
  std::string counters_error;  // why there are no hardware counters; "": there are
  std::vector<ExplainedStep> steps;
};

// Makes sense of what was metered on `engine`. The error says that a step was not what it should be.
Result<ExplainedStep> Explain(std::string test, const MeteredSteps& metered, const PlanLayout& layout,
                              Engine& engine);

// `top`: how many single nodes are listed.
std::string ExplainText(const Explanation& e, int top);
boost::json::object ExplainJson(const Explanation& e, int top);
// One HTML page that needs nothing else: flame views to point at and to click into.
std::string ExplainPage(const Explanation& e);
// Chrome's trace format (chrome://tracing, Perfetto): a row per thread, with stages' nodes and waits.
std::string ExplainTrace(const Explanation& e, const PlanLayout& layout, const Graph& graph);

}  // namespace tern
