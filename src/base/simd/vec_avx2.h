#pragma once
#include <immintrin.h>

#include <cstddef>
namespace tern::isa_avx2 {
struct Vec {
  static constexpr size_t kLanes = 8;
  __m256 v;
  static Vec Load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Vec Set(float x) { return {_mm256_set1_ps(x)}; }
  void Store(float* p) const { _mm256_storeu_ps(p, v); }
  friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
  friend Vec MulAdd(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  friend float Sum(Vec a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    s = _mm_hadd_ps(s, s);
    s = _mm_hadd_ps(s, s);
    return _mm_cvtss_f32(s);
  }
};
}  // namespace tern::isa_avx2
