#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "backends/cpu/attention/generic.h"
namespace tern {
using namespace TERN_ISA_NS;
constinit const AttentionKernels attention_none = KernelsWith(nullptr);
}  // namespace tern
