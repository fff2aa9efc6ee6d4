#include "base/simd/vec_avx2.h"
#define TERN_ISA_NS isa_avx2
#include "backends/cpu/attention/generic.h"
namespace tern {
using namespace TERN_ISA_NS;
const AttentionKernels attention_avx2 = {AttendTile,
                                         Merge,
                                         Finish,
                                         ScaleQuery,
                                         LoadPlain,
                                         LoadKeyCodes<int8_t>,
                                         LoadValueCodes<int8_t>,
                                         LoadKeyCodes<int16_t>,
                                         LoadValueCodes<int16_t>,
                                         nullptr};
}  // namespace tern
