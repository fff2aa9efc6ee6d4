#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "backends/cpu/elementwise/generic.h"
namespace tern {
using namespace TERN_ISA_NS;
const ElementwiseKernels elementwise_none = {AddRows, MulRows, SiluRows, GeluTanhRows, GeluRows, ScaleRows};
}  // namespace tern
