// Elementwise ops over Vec. Included by one .cc per ISA, after its vec_<isa>.h and a definition of
// TERN_ISA_NS.
#include "backends/cpu/elementwise/elementwise.h"
#include "base/simd/math.h"

namespace tern::TERN_ISA_NS {
namespace {

// out[i] = f(x[i], y[i]). The last values go through a padded vector, so that every element sees the same
// instructions.
template <class F>
inline void Map(const float* x, const float* y, float* out, size_t n, F f) {
  size_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) f(Vec::Load(x + i), Vec::Load(y + i)).Store(out + i);
  if (i == n) return;
  float a[Vec::kLanes] = {}, b[Vec::kLanes] = {};
  __builtin_memcpy(a, x + i, (n - i) * sizeof(float));
  __builtin_memcpy(b, y + i, (n - i) * sizeof(float));
  f(Vec::Load(a), Vec::Load(b)).Store(a);
  __builtin_memcpy(out + i, a, (n - i) * sizeof(float));
}

void AddRows(const float* x, const float* y, float* out, size_t n) {
  Map(x, y, out, n, [](Vec a, Vec b) { return a + b; });
}
void MulRows(const float* x, const float* y, float* out, size_t n) {
  Map(x, y, out, n, [](Vec a, Vec b) { return a * b; });
}
void SiluRows(const float* x, float* out, size_t n) {
  Map(x, x, out, n, [](Vec a, Vec) { return Silu(a); });
}
void GeluTanhRows(const float* x, float* out, size_t n) {
  Map(x, x, out, n, [](Vec a, Vec) { return GeluTanh(a); });
}
void GeluRows(const float* x, float* out, size_t n) {
  Map(x, x, out, n, [](Vec a, Vec) { return Gelu(a); });
}
// NaN is not below 0, and stays.
void ReluRows(const float* x, float* out, size_t n) {
  Map(x, x, out, n, [](Vec a, Vec) { return Max(Vec::Set(0), a); });
}
void Relu2Rows(const float* x, float* out, size_t n) {
  Map(x, x, out, n, [](Vec a, Vec) {
    const Vec relu = Max(Vec::Set(0), a);
    return relu * relu;
  });
}
void SigmoidRows(const float* x, float* out, size_t n) {
  Map(x, x, out, n, [](Vec a, Vec) { return Sigmoid(a); });
}
void ScaleRows(const float* x, float by, float* out, size_t n) {
  const Vec factor = Vec::Set(by);
  Map(x, x, out, n, [factor](Vec a, Vec) { return a * factor; });
}
void AddScaledRows(const float* x, float by, float* out, size_t n) {
  const Vec factor = Vec::Set(by);
  Map(x, out, out, n, [factor](Vec a, Vec sum) { return MulAdd(a, factor, sum); });
}
void SoftcapRows(const float* x, float cap, float* out, size_t n) {
  const Vec top = Vec::Set(cap), inverse = Vec::Set(1 / cap);
  Map(x, x, out, n, [top, inverse](Vec a, Vec) { return top * Tanh(a * inverse); });
}

constexpr ElementwiseKernels kElementwise = {.add = AddRows,
                                             .mul = MulRows,
                                             .silu = SiluRows,
                                             .gelu_tanh = GeluTanhRows,
                                             .gelu = GeluRows,
                                             .relu = ReluRows,
                                             .relu2 = Relu2Rows,
                                             .sigmoid = SigmoidRows,
                                             .scale = ScaleRows,
                                             .softcap = SoftcapRows,
                                             .add_scaled = AddScaledRows};

}  // namespace
}  // namespace tern::TERN_ISA_NS
