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

}  // namespace tern
