#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "backends/cpu/layer_norm/generic.h"
namespace tern {
void layer_norm_none(const LayerNormArgs& args, const float* x, float* y) {
  TERN_ISA_NS::LayerNorm(args, x, y);
}
}  // namespace tern
