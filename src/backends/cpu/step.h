#pragma once
// CpuOpDesc: how the CPU does one op; CpuStep: one node of a graph made ready to run. One constant per op and
// one line in cpu_ops.list; ops without one run their reference.
//
// A step's work is a number of tasks. Any thread may do any of them, in any order: what a task writes must
// not depend on that.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/required.h"
#include "base/result.h"
#include "graph/graph.h"
#include "graph/memory.h"
#include "graph/target.h"
#include "ops/op.h"

namespace tern {

class WeightCache;

// What a step may ask for when it is made.
struct StepNeeds {
  // Task r reads and writes row r of the step's inputs and outputs only. Neighbouring steps of this kind run
  // without a barrier between them: a thread takes some rows through all of them.
  bool row_wise = false;
  size_t scratch_bytes = 0;  // per thread
  size_t shared_bytes = 0;   // one for all threads; holds nothing between steps
  // Parts with a barrier between them: Bind and Run are called for each, with StepMemory::phase.
  int phases = 1;
};

struct StepMemory {
  void* scratch = nullptr;  // this thread's, 64-byte aligned
  void* shared = nullptr;
  int phase = 0;
};

struct StepTasks {
  size_t count = 0;
  size_t chunk = 1;  // tasks that a thread takes at a time
};

struct StepCost {
  double int8_ops_per_row = 0, f32_ops_per_row = 0;
  size_t stream_bytes = 0;  // weights read per step
  size_t packed_bytes = 0;  // their packed copies
};

class CpuStep {
 public:
  explicit CpuStep(StepNeeds needs) : needs_(needs) {}
  virtual ~CpuStep() = default;
  const StepNeeds& needs() const { return needs_; }

  // Counts the tasks for this batch; on one thread, before any of them runs. Allocates nothing.
  virtual StepTasks Bind(const OpArgs& args, const StepMemory& memory) = 0;
  // Does tasks [begin, end).
  virtual void Run(const OpArgs& args, size_t begin, size_t end, const StepMemory& memory) = 0;
  virtual StepCost cost() const { return {}; }
  // Of a moe_mlp: how many rows each expert has done so far.
  virtual std::span<const uint64_t> expert_rows() const { return {}; }

 private:
  StepNeeds needs_;
};

struct StepContext {
  const Graph& graph;
  const Node& node;
  const StepLimits& limits;
  uint32_t isa;
  int threads;
  WeightCache& weights;

  const Value& input(size_t i) const { return graph.value(node.inputs[i]); }
  const Value& output(size_t i) const { return graph.value(node.outputs[i]); }
};

struct CpuOpDesc {
  std::string_view name;  // of the op
  // Whether passes may make such a node and expect it to be fast.
  Required<bool (*)(const OpKey& key)> supports;
  Required<Result<std::unique_ptr<CpuStep>> (*)(const StepContext&)> prepare;
};

std::span<const CpuOpDesc* const> AllCpuOps();
const CpuOpDesc* FindCpuOp(std::string_view name);  // nullptr: none

// The op's reference, on one thread: for ops, or forms of them, that have no kernel.
std::unique_ptr<CpuStep> MakeReferenceStep(const OpDesc& op);

inline bool SupportsAny(const OpKey&) { return true; }

// A row-wise step from a function: row(args, r, memory) does row r of output 0 (of input 0, if there is no
// output with rows).
template <class Row>
class RowStep : public CpuStep {
 public:
  RowStep(size_t scratch_bytes, Row row)
      : CpuStep({.row_wise = true, .scratch_bytes = scratch_bytes}), row_(std::move(row)) {}
  StepTasks Bind(const OpArgs& args, const StepMemory&) override {
    const View& rows = args.outputs[0].elem == Elem::kState ? args.inputs[0] : args.outputs[0];
    return {static_cast<size_t>(rows.rows()), 1};
  }
  void Run(const OpArgs& args, size_t begin, size_t end, const StepMemory& memory) override {
    for (size_t r = begin; r < end; ++r) row_(args, static_cast<int64_t>(r), memory);
  }

 private:
  Row row_;
};

template <class Row>
std::unique_ptr<CpuStep> MakeRowStep(size_t scratch_bytes, Row row) {
  return std::make_unique<RowStep<Row>>(scratch_bytes, std::move(row));
}

}  // namespace tern
