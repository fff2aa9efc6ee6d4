#include "backends/cpu/step.h"

namespace tern {

#define CPU_OP(id) extern const CpuOpDesc k_cpuop_##id;
#include "backends/cpu/cpu_ops.list"
#undef CPU_OP

std::span<const CpuOpDesc* const> AllCpuOps() {
  static constexpr const CpuOpDesc* kAll[] = {
#define CPU_OP(id) &k_cpuop_##id,
#include "backends/cpu/cpu_ops.list"
#undef CPU_OP
  };
  return kAll;
}

const CpuOpDesc* FindCpuOp(std::string_view name) {
  for (const CpuOpDesc* op : AllCpuOps()) {
    if (op->name == name) return op;
  }
  return nullptr;
}

namespace {

class ReferenceStep : public CpuStep {
 public:
  explicit ReferenceStep(const OpDesc& op) : CpuStep(StepNeeds{}), op_(op) {}
  StepTasks Bind(const OpArgs&, const StepMemory&) override { return {1, 1}; }
  void Run(const OpArgs& args, size_t, size_t, const StepMemory&) override { op_.reference(args); }

 private:
  const OpDesc& op_;
};

}  // namespace

std::unique_ptr<CpuStep> MakeReferenceStep(const OpDesc& op) { return std::make_unique<ReferenceStep>(op); }

}  // namespace tern
