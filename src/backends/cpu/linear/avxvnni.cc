#define TERN_AVX_VNNI
#define TERN_ISA_NS isa_avxvnni
#define TERN_ISA_SIMD "backends/cpu/linear/simd_avx2.h"
#include "backends/cpu/linear/kernel_table.h"

namespace tern {
const LinearKernels& LinearKernelsAvxVnni() { return TERN_ISA_NS::kKernels; }
}  // namespace tern
