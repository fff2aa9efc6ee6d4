// LayerNorm over Vec. Included by one .cc per ISA, after its vec_<isa>.h and a definition of TERN_ISA_NS.
#include "backends/cpu/layer_norm/layer_norm.h"

namespace tern::TERN_ISA_NS {
namespace {

// The sum of f(x[i]), in four sums, so that the additions do not wait for one another.
template <class F>
float SumOf(const float* x, size_t n, F f) {
  constexpr size_t kStep = 4 * Vec::kLanes;
  Vec sum[4] = {Vec::Set(0), Vec::Set(0), Vec::Set(0), Vec::Set(0)};
  size_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    for (size_t j = 0; j < 4; ++j) sum[j] = sum[j] + f(Vec::Load(x + i + j * Vec::kLanes));
  }
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) sum[0] = sum[0] + f(Vec::Load(x + i));
  float total = Sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (; i < n; ++i) {
    float lanes[Vec::kLanes];
    f(Vec::Set(x[i])).Store(lanes);
    total += lanes[0];
  }
  return total;
}

void NormGroup(const LayerNormArgs& a, const float* x, const float* w, const float* b, float* y) {
  const auto count = static_cast<float>(a.d);
  const float mean = SumOf(x, a.d, [](Vec v) { return v; }) / count;
  const Vec middle = Vec::Set(mean);
  // From the distances, not from mean(x^2) - mean^2: that difference loses what a small variance is made of.
  const float squares = SumOf(x, a.d, [middle](Vec v) { return (v - middle) * (v - middle); });
  const float inverse = 1.f / __builtin_sqrtf(squares / count + a.eps);
  const Vec by = Vec::Set(inverse);
  size_t i = 0;
  for (; i + Vec::kLanes <= a.d; i += Vec::kLanes) {
    Vec v = (Vec::Load(x + i) - middle) * by * Vec::Load(w + i);
    if (b != nullptr) v = v + Vec::Load(b + i);
    v.Store(y + i);
  }
  for (; i < a.d; ++i) y[i] = (x[i] - mean) * inverse * w[i] + (b != nullptr ? b[i] : 0);
}

void LayerNorm(const LayerNormArgs& a, const float* x, float* y) {
  for (size_t g = 0; g < a.groups; ++g) {
    const size_t at = g * a.d, weight = g * a.weight_step;
    NormGroup(a, x + at, a.w + weight, a.b == nullptr ? nullptr : a.b + weight, y + at);
  }
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
