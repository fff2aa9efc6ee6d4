// RMS norm over Vec. Included by one .cc per ISA, after its vec_<isa>.h and a definition of TERN_ISA_NS.
#include "backends/cpu/rms_norm/rms_norm.h"

namespace tern::TERN_ISA_NS {
namespace {

// Four sums, so that the additions do not wait for one another.
float SumOfSquares(const float* x, size_t n) {
  constexpr size_t kStep = 4 * Vec::kLanes;
  Vec sum[4] = {Vec::Set(0), Vec::Set(0), Vec::Set(0), Vec::Set(0)};
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    for (size_t j = 0; j < 4; ++j) {
      const Vec v = Vec::Load(x + i + j * Vec::kLanes);
      sum[j] = MulAdd(v, v, sum[j]);
    }
  }
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) {
    const Vec v = Vec::Load(x + i);
    sum[0] = MulAdd(v, v, sum[0]);
  }
  float total = Sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (; i < n; ++i) total += x[i] * x[i];
  return total;
}

void RmsNorm(const float* x, const float* w, float* y, size_t groups, size_t d, float eps) {
  for (size_t g = 0; g < groups; ++g, x += d, y += d) {
    const float inverse = 1.f / __builtin_sqrtf(SumOfSquares(x, d) / static_cast<float>(d) + eps);
    const Vec by = Vec::Set(inverse);
    size_t i = 0;
    for (; i + Vec::kLanes <= d; i += Vec::kLanes) (Vec::Load(x + i) * by * Vec::Load(w + i)).Store(y + i);
    for (; i < d; ++i) y[i] = x[i] * inverse * w[i];
  }
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
