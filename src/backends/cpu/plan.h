#pragma once
// CpuPlan: a graph bound to this machine. Its steps are grouped into stages; one job of the team runs all
// stages of a forward step, with a barrier after each.

#include <memory>
#include <vector>

#include "backends/backend.h"
#include "backends/check_batch.h"
#include "backends/cpu/step.h"
#include "backends/cpu/weights.h"
#include "backends/step_profile.h"
#include "base/team.h"

namespace tern {

// What plans of one backend share.
struct CpuDevice {
  CpuDevice(int threads, uint32_t have) : isa(have), team(threads), weights(&team, have) {}
  const uint32_t isa;
  Team team;
  WeightCache weights;
};

// Per node, ascending, the stage it runs in: nodes of one stage need no barrier between them.
std::vector<int> StagesOf(const Graph& graph);

class CpuPlan : public Plan {
 public:
  static Result<std::unique_ptr<CpuPlan>> Make(const Graph& graph, const StepLimits& limits,
                                               const WeightFiles& files, std::shared_ptr<CpuDevice> device);

  ~CpuPlan() override;
  Status Run(const Batch& batch, KvStore* kv) override;
  void UseThreads(int threads) override;
  PlanLayout layout() const override;
  Status Profile(const Batch& batch, KvStore* kv, StepProfile* profile) override;
  std::span<const float> Output(size_t i) const override;
  PlanBytes bytes() const override { return bytes_; }
  PlanOps ops() const override { return ops_; }
  std::vector<ExpertCounts> expert_counts() const override;
  size_t stages() const { return stages_.size(); }

 private:
  // One node made ready. Its views point into the arena, the weights or the step's inputs.
  struct Bound {
    const Node* node = nullptr;
    std::string_view weight;  // the name of its first weight; empty: none
    std::unique_ptr<CpuStep> step;
    std::vector<View> inputs, outputs;
  };
  // Steps [first, last) that need no barrier between them, or one phase of one step.
  struct Stage {
    size_t first = 0, last = 0;
    int phase = 0;
    StepTasks tasks;
    TaskRanges counter;
  };

  explicit CpuPlan(std::shared_ptr<CpuDevice> device)
      : device_(std::move(device)), threads_(device_->team.threads()) {}
  Status PrepareSteps(const Graph& graph, const StepLimits& limits, const WeightFiles& files);
  void PackLater();
  void GroupStages(const std::vector<int>& stage_of_node);
  Status LayOut(const Graph& graph, const std::vector<int>& stage_of_node);
  Result<View> MakeView(const Graph& graph, ValueId id, const ArenaPlan& arena);
  void FindSymbolicRows();
  void CountCosts(const Graph& graph);

  void SetRows(int tokens, int outputs);
  Status Bind(const Batch& batch, KvStore* kv);
  void BindStages(const Batch& batch, KvStore* kv);
  void RunStages(const Batch& batch, KvStore* kv, int thread);
  void ProfileStages(const Batch& batch, KvStore* kv, int thread, StepProfile* profile);
  StepMemory Memory(int thread, const Stage& stage);

  std::shared_ptr<CpuDevice> device_;
  int threads_;  // of the team's, that run steps
  BatchRules rules_;
  std::vector<Bound> steps_;
  std::vector<std::unique_ptr<Stage>> stages_;
  std::vector<View> results_;                         // graph outputs
  std::vector<View*> token_rows_, output_row_views_;  // views of T and of R rows
  int rows_ = -1, output_count_ = -1;                 // what those say now
  std::vector<int32_t> tokens_, positions_, token_types_, output_rows_;
  Buffer arena_, scratch_, shared_;
  size_t scratch_bytes_ = 0;
  PlanBytes bytes_;
  PlanOps ops_;
  // Weights that are packed before the second step; 0: none.
  uint64_t later_ = 0;
  WeightFiles later_files_;
  bool has_run_ = false;
  std::unique_ptr<PackedFileWriter> writer_;
};

}  // namespace tern
