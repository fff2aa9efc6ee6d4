#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "backends/cpu/rope/generic.h"
namespace tern {
const RopeKernels rope_none = {TERN_ISA_NS::RopeHalf, TERN_ISA_NS::RopePair};
}  // namespace tern
