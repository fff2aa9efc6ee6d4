#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "backends/cpu/kv_append/generic.h"
namespace tern {
using namespace TERN_ISA_NS;
const KvEncoders kv_encode_none = {EncodeF16, EncodeBf16, EncodeInt8, EncodeInt16};
}  // namespace tern
