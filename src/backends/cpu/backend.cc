#include "backends/backend.h"

#include <fmt/format.h>

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
  std::string description() const override {
    const int threads = device_->team.threads();
    return fmt::format("cpu, {}, {} thread{}", IsaName(device_->isa), threads, threads == 1 ? "" : "s");
  }
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
