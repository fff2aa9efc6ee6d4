#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "backends/cpu/kv_append/generic.h"
namespace tern {
using namespace TERN_ISA_NS;
const KvEncoders kv_encode_avx512 = {EncodeF16, EncodeBf16, EncodeInt8, EncodeInt16};
}  // namespace tern
