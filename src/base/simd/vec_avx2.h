#pragma once
// Vec: 8 floats. The same names as in vec_avx512.h and vec_none.h, so that kernels are written once.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace tern::isa_avx2 {
struct Vec {
  static constexpr size_t kLanes = 8;
  static constexpr size_t kRegisters = 16;
  __m256 v;

  static Vec Load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Vec LoadF16(const uint16_t* p) {
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  static Vec LoadBf16(const uint16_t* p) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16))};
  }
  // 8 pairs of codes: the first of each, the second of each.
  static void LoadPairs(const int16_t* p, Vec* first, Vec* second) {
    SplitPairs<16>(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), first, second);
  }
  static void LoadPairs(const int8_t* p, Vec* first, Vec* second) {
    SplitPairs<8>(_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), first, second);
  }
  static Vec Set(float x) { return {_mm256_set1_ps(x)}; }
  static Vec LaneNumbers() { return {_mm256_set_ps(7, 6, 5, 4, 3, 2, 1, 0)}; }
  void Store(float* p) const { _mm256_storeu_ps(p, v); }
  void StoreF16(uint16_t* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
  }
  // Rounds to nearest even and saturates.
  void StoreI8(int8_t* p) const {
    const __m256i wide = _mm256_cvtps_epi32(v);
    const __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(half, half));
  }
  void StoreI16(int16_t* p) const {
    const __m256i wide = _mm256_cvtps_epi32(v);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1)));
  }

  friend Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
  friend Vec MulAdd(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }      // a b + c
  friend Vec NegMulAdd(Vec a, Vec b, Vec c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }  // c - a b
  friend Vec Max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }                       // b where a NaN
  friend Vec Min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
  friend Vec Abs(Vec a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.f), a.v)}; }
  friend Vec Round(Vec a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
  // a 2^n for whole n in -126..127.
  friend Vec TimesPow2(Vec a, Vec n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127));
    return {_mm256_mul_ps(a.v, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)))};
  }
  // a < b ? x : y
  friend Vec SelectLess(Vec a, Vec b, Vec x, Vec y) {
    return {_mm256_blendv_ps(y.v, x.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))};
  }
  friend Vec SwapPairs(Vec a) { return {_mm256_permute_ps(a.v, 0xb1)}; }
  friend float Sum(Vec a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    s = _mm_hadd_ps(s, s);
    s = _mm_hadd_ps(s, s);
    return _mm_cvtss_f32(s);
  }
  friend float MaxAcross(Vec a) {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
  }

 private:
  // Lanes hold two codes of kBits bits each, sign-extended.
  template <int kBits>
  static void SplitPairs(__m256i pairs, Vec* first, Vec* second) {
    *first = {_mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(pairs, 32 - kBits), 32 - kBits))};
    *second = {_mm256_cvtepi32_ps(_mm256_srai_epi32(pairs, kBits))};
  }
};
}  // namespace tern::isa_avx2
