#pragma once
// Vec: 16 floats. The same names as in vec_avx2.h and vec_none.h, so that kernels are written once.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace tern::isa_avx512 {
struct Vec {
  static constexpr size_t kLanes = 16;
  static constexpr size_t kRegisters = 32;
  __m512 v;

  static Vec Load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Vec LoadF16(const uint16_t* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  static Vec LoadBf16(const uint16_t* p) {
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
  }
  // 16 pairs of codes: the first of each, the second of each.
  static void LoadPairs(const int16_t* p, Vec* first, Vec* second) {
    SplitPairs<16>(_mm512_loadu_si512(p), first, second);
  }
  static void LoadPairs(const int8_t* p, Vec* first, Vec* second) {
    SplitPairs<8>(_mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), first,
                  second);
  }
  static Vec Set(float x) { return {_mm512_set1_ps(x)}; }
  static Vec LaneNumbers() { return {_mm512_set_ps(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)}; }
  void Store(float* p) const { _mm512_storeu_ps(p, v); }
  void StoreF16(uint16_t* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  // Rounds to nearest even and saturates.
  void StoreI8(int8_t* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v)));
  }
  void StoreI16(int16_t* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(v)));
  }

  friend Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
  friend Vec MulAdd(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }      // a b + c
  friend Vec NegMulAdd(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }  // c - a b
  friend Vec Max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }                       // b where a NaN
  friend Vec Min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
  friend Vec Abs(Vec a) { return {_mm512_abs_ps(a.v)}; }
  friend Vec Round(Vec a) {
    return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  }
  // a 2^n for whole n in -126..127.
  friend Vec TimesPow2(Vec a, Vec n) { return {_mm512_scalef_ps(a.v, n.v)}; }
  // a < b ? x : y
  friend Vec SelectLess(Vec a, Vec b, Vec x, Vec y) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), y.v, x.v)};
  }
  friend Vec SwapPairs(Vec a) { return {_mm512_permute_ps(a.v, 0xb1)}; }
  friend float Sum(Vec a) { return _mm512_reduce_add_ps(a.v); }
  friend float MaxAcross(Vec a) { return _mm512_reduce_max_ps(a.v); }

 private:
  // Lanes hold two codes of kBits bits each, sign-extended.
  template <int kBits>
  static void SplitPairs(__m512i pairs, Vec* first, Vec* second) {
    *first = {_mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(pairs, 32 - kBits), 32 - kBits))};
    *second = {_mm512_cvtepi32_ps(_mm512_srai_epi32(pairs, kBits))};
  }
};
}  // namespace tern::isa_avx512
