#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "backends/cpu/kv_append/generic.h"
namespace tern {
const KvEncoders kv_encode_avx512 = {TERN_ISA_NS::EncodeF16, TERN_ISA_NS::EncodeBf16,
                                     TERN_ISA_NS::EncodeInt8};
}  // namespace tern
