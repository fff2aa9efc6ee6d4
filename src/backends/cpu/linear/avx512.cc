#define TERN_ISA_NS isa_avx512
#define TERN_ISA_SIMD "backends/cpu/linear/simd_avx512.h"
#include "backends/cpu/linear/kernel_table.h"

namespace tern {
const LinearKernels& LinearKernelsAvx512() { return TERN_ISA_NS::kKernels; }
}  // namespace tern
