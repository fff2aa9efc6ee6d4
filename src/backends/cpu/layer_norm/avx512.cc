#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "backends/cpu/layer_norm/generic.h"
namespace tern {
void layer_norm_avx512(const LayerNormArgs& args, const float* x, float* y) {
  TERN_ISA_NS::LayerNorm(args, x, y);
}
}  // namespace tern
