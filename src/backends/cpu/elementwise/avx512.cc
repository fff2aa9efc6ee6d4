#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "backends/cpu/elementwise/generic.h"
namespace tern {
using namespace TERN_ISA_NS;
const ElementwiseKernels elementwise_avx512 = {AddRows, MulRows, SiluRows, GeluTanhRows, GeluRows, ScaleRows};
}  // namespace tern
