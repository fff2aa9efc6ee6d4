#include "base/simd/vec_avx512.h"
#define TERN_ISA_NS isa_avx512
#include "backends/cpu/rms_norm/generic.h"
namespace tern {
void rms_norm_avx512(const float* x, const float* w, float* y, size_t groups, size_t d, float eps) {
  TERN_ISA_NS::RmsNorm(x, w, y, groups, d, eps);
}
}  // namespace tern
