#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "backends/cpu/attention/generic.h"
namespace tern {
using namespace TERN_ISA_NS;
const AttentionKernels attention_none = {AttendTile,
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
