#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "backends/cpu/kv_append/generic.h"
namespace tern {
const KvEncoders kv_encode_none = {TERN_ISA_NS::EncodeF16, TERN_ISA_NS::EncodeBf16, TERN_ISA_NS::EncodeInt8};
}  // namespace tern
