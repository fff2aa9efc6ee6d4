#include "base/simd/vec_avx2.h"
#define TERN_ISA_NS isa_avx2
#include "backends/cpu/kv_append/generic.h"
namespace tern {
const KvEncoders kv_encode_avx2 = {TERN_ISA_NS::EncodeF16, TERN_ISA_NS::EncodeBf16, TERN_ISA_NS::EncodeInt8};
}  // namespace tern
