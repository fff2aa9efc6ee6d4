#include "base/simd/vec_avx2.h"
#define TERN_ISA_NS isa_avx2
#include "backends/cpu/layer_norm/generic.h"
namespace tern {
void layer_norm_avx2(const LayerNormArgs& args, const float* x, float* y) {
  TERN_ISA_NS::LayerNorm(args, x, y);
}
}  // namespace tern
