#include "base/simd/vec_none.h"
#define TERN_ISA_NS isa_none
#include "backends/cpu/rms_norm/generic.h"
namespace tern {
void rms_norm_none(const float* x, const float* w, float* y, size_t groups, size_t d, float eps) {
  TERN_ISA_NS::RmsNorm(x, w, y, groups, d, eps);
}
}  // namespace tern
