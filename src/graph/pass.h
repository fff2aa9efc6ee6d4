#pragma once
// PassDesc: one rewrite of a graph. A pass finds, guards, rewrites, and returns the number of changes; the
// runner times it, verifies the graph after it, and can leave it out.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/required.h"
#include "base/result.h"
#include "graph/graph.h"
#include "graph/target.h"

namespace tern {

// What int8 activations may cost (design, section 6).
enum class Precision : uint8_t { kFast, kDefault, kPrecise, kExact };
Result<Precision> ParsePrecision(std::string_view name);  // "fast", "default", "precise", "exact"
std::string_view PrecisionName(Precision precision);

struct PassContext {
  const Target& target;
  Precision precision = Precision::kDefault;
};

struct PassDesc {
  std::string_view name;
  std::string_view summary;
  Required<Result<int> (*)(Graph&, const PassContext&)> run;
};

struct PassReport {
  std::string_view name;
  bool disabled = false;
  int changes = 0;
  double micros = 0;
  size_t nodes_before = 0, nodes_after = 0;
};

// All passes in run order (passes.list).
std::span<const PassDesc* const> AllPasses();
// Runs them; the error of a pass that broke the graph names the pass. Unknown names in `disabled` are an
// error.
Result<std::vector<PassReport>> RunPasses(Graph& graph, const PassContext& context,
                                          const std::vector<std::string>& disabled = {});

}  // namespace tern
