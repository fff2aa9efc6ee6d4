#include "plan/load.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace tern {

#define LOAD(id) extern const LoadDesc k_load_##id;
#include "plan/loads.list"
#undef LOAD

std::span<const LoadDesc* const> AllLoads() {
#define LOAD(id) &k_load_##id,
  static constexpr const LoadDesc* kAll[] = {
#include "plan/loads.list"
  };
#undef LOAD
  return kAll;
}

Result<const LoadDesc*> FindLoad(std::string_view name) {
  std::string names;
  for (const LoadDesc* load : AllLoads()) {
    if (load->name == name) return load;
    names += (names.empty() ? "" : ", ") + std::string(load->name);
  }
  return BadInput("load: \"" + std::string(name) + "\", expected one of " + names);
}

TraceRequest DrawRequest(const LoadOptions& options, double arrival_s, Dice& dice) {
  return {.arrival_ns = static_cast<int64_t>(std::llround(arrival_s * 1e9)),
          .input_tokens = dice.Length(options.input_tokens, options.spread),
          .output_tokens = dice.Length(options.output_tokens, options.spread)};
}

Trace MakeLoad(const LoadDesc& load, const LoadOptions& options) {
  Trace trace{.name = std::string(load.name), .requests = {}};
  Dice dice(options.seed);
  load.make(options, dice, &trace);
  Dice priorities(options.seed + 1);
  for (TraceRequest& r : trace.requests) {
    if (priorities.Uniform() < options.high_share) r.priority = Priority::kHigh;
  }
  std::ranges::stable_sort(trace.requests, {}, &TraceRequest::arrival_ns);
  const int64_t begin = trace.requests.empty() ? 0 : trace.requests.front().arrival_ns;
  for (TraceRequest& r : trace.requests) r.arrival_ns -= begin;
  return trace;
}

}  // namespace tern
