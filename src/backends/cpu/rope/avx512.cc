#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "backends/cpu/rope/generic.h"
namespace tern {
const RopeKernels rope_avx512 = {TERN_ISA_NS::RopeHalf, TERN_ISA_NS::RopePair};
}  // namespace tern
