#include "backends/backend.h"

#include <fmt/format.h>

#include "backends/cpu/linear/kernels.h"
#include "backends/cpu/linear/linear.h"
#include "backends/cpu/linear/sizes.h"
#include "backends/cpu/plan.h"
#include "base/cpu_count.h"
#include "base/isa.h"

namespace tern {
namespace {

constexpr int kMaxThreads = 1024;

class CpuBackend : public Backend {
 public:
  explicit CpuBackend(int threads) : device_(std::make_shared<CpuDevice>(threads, DetectIsa())) {}

  std::string_view name() const override { return "cpu"; }
  int threads() const override { return device_->team.threads(); }
  std::string description() const override {
    const int threads = device_->team.threads();
    return fmt::format("cpu, {}, {} thread{}", IsaName(device_->isa), threads, threads == 1 ? "" : "s");
  }
  std::vector<BackendChoice> choices() const override;
  bool Supports(const OpKey& key) const override {
    if (key.variant == "bf16" && !HasIsa(kAvx512 | kAvx512Bf16, device_->isa)) return false;
    const CpuOpDesc* op = FindCpuOp(key.op);
    return op != nullptr && op->supports(key);
  }
  std::vector<int> Stages(const Graph& graph) const override { return StagesOf(graph); }
  Result<std::unique_ptr<Plan>> Prepare(const Graph& graph, const StepLimits& limits,
                                        const WeightFiles& files) override {
    TERN_TRY(std::unique_ptr<Plan> plan, CpuPlan::Make(graph, limits, files, device_));
    return plan;
  }

 private:
  std::shared_ptr<CpuDevice> device_;
};

// Sizes were measured on machines of both kinds; what other ones are worth: docs/adaptation.md.
std::vector<BackendChoice> CpuBackend::choices() const {
  const LinearKernels& kernels = LinearKernelsOf(device_->isa);
  return {
      {"instructions", IsaName(device_->isa), "the best that the CPU has, up to TERN_ISA"},
      {"rows of a tile",
       fmt::format("{} fast, {} precise, {} float", kernels.fast_rows, kernels.precise_rows,
                   kernels.float_rows),
       "as many as there are registers for"},
      {"channels of a panel", fmt::format("{}", kPanelChannels), "one layout of weights for every batch"},
      {"expanded panels", fmt::format("from {} rows, {} at a time", kExpandFrom, kRowBlock),
       "fewer do not pay for it; more come from memory instead of L3"},
      {"fetched ahead",
       fmt::format("{} and {} bytes, by the last {} tiles", kPrefetchBytes, kPrefetchFarBytes,
                   kFetchingTiles),
       "far enough for the memory's latency, near enough to stay in L1 and L2"},
      {"chunks of a thread",
       fmt::format("{} where reading decides, {} where computing does, of {} us at least", kMostReadChunks,
                   kMostComputeChunks, kChunkNs / 1000),
       "long streams of memory; threads that end together"},
  };
}

bool Present() { return true; }

Result<std::unique_ptr<Backend>> Open(const BackendOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return BadInput(fmt::format("threads: {}, expected 0 to {}", options.threads, kMaxThreads));
  }
  TERN_TRY_STATUS(CheckIsaCap());
  const int threads = options.threads > 0 ? options.threads : DefaultThreads();
  return std::unique_ptr<Backend>(std::make_unique<CpuBackend>(threads));
}

}  // namespace
extern const BackendDesc k_backend_cpu;
const BackendDesc k_backend_cpu = {
    .name = "cpu", .summary = "this machine's cores", .present = Present, .open = Open};
}  // namespace tern
