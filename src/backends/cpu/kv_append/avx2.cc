#include "base/simd/vec_avx2.h"
#define TERN_ISA_NS isa_avx2
#include "backends/cpu/kv_append/generic.h"
namespace tern {
using namespace TERN_ISA_NS;
const KvEncoders kv_encode_avx2 = {EncodeF16, EncodeBf16, EncodeInt8, EncodeInt16};
}  // namespace tern
