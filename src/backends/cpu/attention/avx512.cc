#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "backends/cpu/attention/generic.h"
#include "backends/cpu/attention/int16.h"
namespace tern {
using namespace TERN_ISA_NS;
constinit const AttentionKernels attention_avx512 = KernelsWith(&kInt16Kernels);
}  // namespace tern
