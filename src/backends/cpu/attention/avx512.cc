#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "backends/cpu/attention/generic.h"
#include "backends/cpu/attention/int16.h"
namespace tern {
using namespace TERN_ISA_NS;
const AttentionKernels attention_avx512 = {AttendTile, Merge,     Finish,    ScaleQuery,
                                           LoadPlain,  LoadInt8K, LoadInt8V, &kInt16Kernels};
}  // namespace tern
