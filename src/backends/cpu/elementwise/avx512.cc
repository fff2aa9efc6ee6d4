#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "backends/cpu/elementwise/generic.h"
namespace tern {
const ElementwiseKernels elementwise_avx512 = TERN_ISA_NS::kElementwise;
}  // namespace tern
