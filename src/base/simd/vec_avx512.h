#pragma once
#include <immintrin.h>

#include <cstddef>
namespace tern::isa_avx512 {
struct Vec {
  static constexpr size_t kLanes = 16;
  __m512 v;
  static Vec Load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Vec Set(float x) { return {_mm512_set1_ps(x)}; }
  void Store(float* p) const { _mm512_storeu_ps(p, v); }
  friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend Vec MulAdd(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  friend float Sum(Vec a) { return _mm512_reduce_add_ps(a.v); }
};
}  // namespace tern::isa_avx512
