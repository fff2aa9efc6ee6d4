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
#include "graph/memory.h"
#include "graph/target.h"

namespace tern {

// What int8 activations may cost (design, section 6).
enum class Precision : uint8_t { kFast, kDefault, kPrecise, kExact };
Result<Precision> ParsePrecision(std::string_view name);  // "fast", "default", "precise", "exact"
std::string_view PrecisionName(Precision precision);

struct PassContext {
  const Target& target;
  Precision precision = Precision::kDefault;
  std::span<const std::string> granted = {};  // names of offers that may be made
  bool int8_kv = false;                       // keys and values will be stored in 8 bits
};

// A rewrite that changes results. A pass makes it only where its name was granted: what it costs has to be
// measured first (engine/error_budget.h).
struct Offer {
  std::string name;           // "<pass>:<place>", as in "skip_layers:blk.12"
  double saved = 0;           // multiplications of a token that it saves
  int64_t needed_tokens = 0;  // how long a text must be to show what it costs
};

struct PassDesc {
  std::string_view name;
  std::string_view summary;
  // What an inequivalent rewrite may cost; empty: results stay within the ops' tolerances.
  std::string_view budget = "";
  Required<Result<int> (*)(Graph&, const PassContext&)> run;
  // What it would do if it were granted; null: it makes no offers.
  std::vector<Offer> (*offers)(const Graph&, const PassContext&) = nullptr;
};

struct PassReport {
  std::string_view name;
  bool disabled = false;
  int changes = 0;
  double micros = 0;
  size_t nodes_before = 0, nodes_after = 0;
  size_t arena_before = 0, arena_after = 0;  // bytes; 0 where not asked for
};

// All passes in run order (passes.list).
std::span<const PassDesc* const> AllPasses();
// One pass and the checks after it: the graph verifies, and no effect came or went (what was granted may take
// effects away). The error names the pass.
Result<PassReport> RunPass(const PassDesc& pass, Graph& graph, const PassContext& context);
// All of them. Unknown names in `disabled` are an error. With `arena`, each report says what the arena of
// the target's plan for steps of that size would take.
Result<std::vector<PassReport>> RunPasses(Graph& graph, const PassContext& context,
                                          const std::vector<std::string>& disabled = {},
                                          const StepLimits* arena = nullptr);

// What all passes offer, each at its turn. Granted offers are made, and not made again.
Result<std::vector<Offer>> AllOffers(Graph graph, const PassContext& context,
                                     const std::vector<std::string>& disabled = {});
// The granted places of a pass: "blk.12" where "skip_layers:blk.12" is granted.
bool IsGranted(const PassContext& context, std::string_view pass, std::string_view place);

// For people and for programs: a row per pass with nodes, changes, time and, where measured, arena bytes.
std::string PassTable(std::span<const PassReport> reports);
std::string PassTableJson(std::span<const PassReport> reports);

}  // namespace tern
