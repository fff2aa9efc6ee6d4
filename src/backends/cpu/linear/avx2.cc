#define TERN_ISA_NS isa_avx2
#define TERN_ISA_SIMD "backends/cpu/linear/simd_avx2.h"
#include "backends/cpu/linear/kernel_table.h"

namespace tern {
const LinearKernels& LinearKernelsAvx2() { return TERN_ISA_NS::kKernels; }
}  // namespace tern
