#define TERN_ISA_NS isa_none
#define TERN_ISA_SIMD "backends/cpu/linear/simd_none.h"
#include "backends/cpu/linear/kernel_table.h"

namespace tern {
const LinearKernels& LinearKernelsNone() { return TERN_ISA_NS::kKernels; }
}  // namespace tern
