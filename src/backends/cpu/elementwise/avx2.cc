#include "base/simd/vec_avx2.h"
#define TERN_ISA_NS isa_avx2
#include "backends/cpu/elementwise/generic.h"
namespace tern {
using namespace TERN_ISA_NS;
const ElementwiseKernels elementwise_avx2 = {AddRows, MulRows, SiluRows, GeluTanhRows, GeluRows, ScaleRows};
}  // namespace tern
