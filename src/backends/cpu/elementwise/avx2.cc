#include "base/simd/vec_avx2.h"
#define TERN_ISA_NS isa_avx2
#include "backends/cpu/elementwise/generic.h"
namespace tern {
const ElementwiseKernels elementwise_avx2 = TERN_ISA_NS::kElementwise;
}  // namespace tern
