#pragma once
// Backend: runs graphs on a device. Plan: one graph bound to it: kernels picked, weights packed, arena laid
// out. Errors are values. One folder per device, one line in backends.list; no backend includes another.
//
// A Plan is used by one thread at a time; plans of one backend may share packed weights.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/step_profile.h"
#include "backends/weight_files.h"
#include "base/required.h"
#include "base/result.h"
#include "graph/graph.h"
#include "graph/memory.h"
#include "graph/target.h"
#include "ops/batch.h"
#include "ops/kv_store.h"

namespace tern {

struct PlanBytes {
  size_t weights = 0;  // packed copies (weights used as they lie in the file count 0)
  size_t mapped = 0;   // of those, what was found packed in a file of WeightFiles::cache_paths
  size_t arena = 0;    // values of the graph
  size_t scratch = 0;  // what kernels need beside them
  // What one decode step of batch 1 must read: packed and unpacked weights, without KV.
  size_t step_weights = 0;
};

// Multiplies and adds of one forward step, per token or output row, for shares of the machine's limit.
struct PlanOps {
  // Operations (2 per multiply-add); twice those of precise rows and of floats rounded to int16 or bf16.
  double int8_per_token = 0, int8_per_output = 0;
  double f32_per_token = 0, f32_per_output = 0;
};

// How often the experts of one moe_mlp node were chosen, since the plan was made.
struct ExpertCounts {
  std::string_view weight;           // the node's gate: "blk.3.ffn_gate_exps.weight"
  std::span<const uint64_t> tokens;  // by expert; the plan's memory
};

class Plan {
 public:
  virtual ~Plan() = default;
  // One forward step, within the limits the plan was made for. Allocates nothing after the first call.
  virtual Status Run(const Batch& batch, KvStore* kv) = 0;
  // Steps from now on run on the first so many of the backend's threads, 1 to all, which changes no bit of
  // what they compute. At first all.
  virtual void UseThreads(int) {}
  // What a step consists of, for Profile.
  virtual PlanLayout layout() const { return {}; }
  // Run that writes down when what was done; `profile` made from layout().
  virtual Status Profile(const Batch&, KvStore*, StepProfile*) {
    return Unsupported("this device does not say where its time goes; expected --device cpu");
  }
  // Graph output i of the last step: row-major f32, [R, columns] or [T, columns]. Valid until the next Run.
  virtual std::span<const float> Output(size_t i) const = 0;
  virtual PlanBytes bytes() const = 0;
  virtual PlanOps ops() const = 0;
  // Per moe_mlp node in execution order; empty where there is none. Between runs.
  virtual std::vector<ExpertCounts> expert_counts() const { return {}; }
};

struct BackendOptions {
  int threads = 0;  // 0: one per physical core
};

// Something that a backend does one way of several, and why: for people.
struct BackendChoice {
  std::string name, value, why;
};

class Backend : public Target {
 public:
  virtual std::string_view name() const = 0;
  virtual std::string description() const = 0;  // for people: "cpu, avx512+bf16, 2 threads"
  virtual int threads() const { return 1; }
  virtual std::vector<BackendChoice> choices() const { return {}; }
  // `graph` and the memory its weights lie in must outlive the plan. `files` is advice.
  virtual Result<std::unique_ptr<Plan>> Prepare(const Graph& graph, const StepLimits& limits,
                                                const WeightFiles& files = {}) = 0;
};

struct BackendDesc {
  std::string_view name;
  std::string_view summary;
  bool computes = true;          // false: outputs are zeros (for measuring what surrounds a device)
  Required<bool (*)()> present;  // cheap probe, no side effects
  Required<Result<std::unique_ptr<Backend>> (*)(const BackendOptions&)> open;
};

std::span<const BackendDesc* const> AllBackends();
// The backend of that name; the error lists those there are.
Result<std::unique_ptr<Backend>> OpenBackend(std::string_view name, const BackendOptions& options);

}  // namespace tern
