#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "backends/cpu/elementwise/generic.h"
namespace tern {
const ElementwiseKernels elementwise_none = TERN_ISA_NS::kElementwise;
}  // namespace tern
