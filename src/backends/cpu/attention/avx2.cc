#include "base/simd/vec_avx2.h"
#define TERN_ISA_NS isa_avx2
#include "backends/cpu/attention/generic.h"
namespace tern {
using namespace TERN_ISA_NS;
constinit const AttentionKernels attention_avx2 = KernelsWith(nullptr);
}  // namespace tern
