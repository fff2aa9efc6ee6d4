#include "base/simd/vec_avx2.h"
#define TERN_ISA_NS isa_avx2
#include "backends/cpu/rope/generic.h"
namespace tern {
const RopeKernels rope_avx2 = {TERN_ISA_NS::RopeHalf, TERN_ISA_NS::RopePair};
}  // namespace tern
