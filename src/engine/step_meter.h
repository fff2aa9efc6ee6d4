#pragma once
// StepMeter: measures steps of an engine, in turns with a profile and without one: the first say where the
// time goes, the second how much of it the profile takes. One thread.

#include <optional>
#include <vector>

#include "base/perf_counters.h"
#include "engine/engine.h"
#include "engine/step_report.h"

namespace tern {

struct MeteredSteps {
  std::vector<EngineStep> profiled;
  std::vector<int64_t> plain_ns;
  std::optional<PerfCounts> counts = {};  // of all plain steps
};

class StepMeter {
 public:
  // `counters`: null where they cannot be read.
  StepMeter(Engine* engine, const PerfCounters* counters);
  ~StepMeter();

  // `steps` of either kind, of `batch` sequences with `depth` tokens before the first and one more each.
  Result<MeteredSteps> Decode(int batch, int depth, int steps);
  // `steps` of either kind, of one chunk of `tokens` behind `depth` others, whole KV blocks of which the
  // engine remembers, and the token that follows. The runner's steps take as many tokens.
  Result<MeteredSteps> Prefill(int tokens, int depth, int steps);

  const PlanLayout& layout() const { return layout_; }

 private:
  Request MakeRequest(std::vector<int32_t> prompt, int max_tokens);
  std::vector<int32_t> Tokens(int n, int seed) const;
  Status Run(std::vector<int32_t> prompt);
  Status PlainStep(MeteredSteps* metered);
  Status ProfiledStep(MeteredSteps* metered);
  Status Both(int step, MeteredSteps* metered);

  Engine& engine_;
  const PerfCounters* counters_;
  PlanLayout layout_;
  EngineStep* step_ = nullptr;  // the one that is being profiled
  int64_t mark_ = 0;            // what happened last in it
  int answered_ = 0;            // tokens since the requests came
  Status failure_;
};

}  // namespace tern
