#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "backends/cpu/attention/generic.h"
#include "backends/cpu/attention/int16.h"
namespace tern {
using namespace TERN_ISA_NS;
const AttentionKernels attention_avx512 = {AttendTile,
                                           Merge,
                                           Finish,
                                           ScaleQuery,
                                           LoadPlain,
                                           LoadKeyCodes<int8_t>,
                                           LoadValueCodes<int8_t>,
                                           LoadKeyCodes<int16_t>,
                                           LoadValueCodes<int16_t>,
                                           &kInt16Kernels};
}  // namespace tern
