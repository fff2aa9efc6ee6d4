#pragma once
// What the linear kernels need of AVX2, with TERN_AVX_VNNI of AVX-VNNI too. Only Dot differs between the two.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace tern::TERN_ISA_NS {
namespace {

struct Simd {
  using U8 = __m256i;
  using I32 = __m256i;
  using F32 = __m256;
  static constexpr int kLanes = 8;
  // Rows per tile, by what fits in 16 registers: dots, two per row, four where precise; the integer tiles'
  // accumulators live in L1.
  static constexpr int kFastRows = 3, kPreciseRows = 2, kFloatRows = 3;

  static U8 Load(const uint8_t* p) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }
  static void Store(uint8_t* p, U8 v) { _mm256_store_si256(reinterpret_cast<__m256i*>(p), v); }
  static U8 Set8(int x) { return _mm256_set1_epi8(static_cast<char>(x)); }
  static U8 And(U8 a, U8 b) { return _mm256_and_si256(a, b); }
  static U8 Repeat16(const uint8_t* p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static U8 LookUp(U8 repeated, U8 codes) { return _mm256_shuffle_epi8(repeated, codes); }  // codes < 16
  static U8 FromMiddle(U8 a) { return _mm256_xor_si256(a, Set8(0x80)); }  // signed bytes plus 128, or back
  static U8 OrAnd(U8 a, U8 b, U8 mask) { return _mm256_or_si256(a, _mm256_and_si256(b, mask)); }
  template <int n>
  static U8 Shift(U8 a) {
    if constexpr (n > 0) return _mm256_slli_epi16(a, n);
    if constexpr (n < 0) return _mm256_srli_epi16(a, -n);
    return a;
  }

  static I32 Zero() { return _mm256_setzero_si256(); }
  static I32 Broadcast(const uint8_t* p) {
    int x;
    __builtin_memcpy(&x, p, 4);
    return _mm256_set1_epi32(x);
  }
  static I32 LoadInts(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void StoreInts(uint8_t* p, I32 v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static I32 SwapPairs(I32 a) { return _mm256_shuffle_epi32(a, 0xb1); }
  static I32 Add(I32 a, I32 b) { return _mm256_add_epi32(a, b); }
  static I32 Sub(I32 a, I32 b) { return _mm256_sub_epi32(a, b); }
  template <int n>
  static I32 ShiftLeft(I32 a) {
    return _mm256_slli_epi32(a, n);
  }
  template <int n>
  static I32 ShiftRight(I32 a) {  // copies of the sign come in
    return _mm256_srai_epi32(a, n);
  }

#ifdef TERN_AVX_VNNI
  static constexpr bool kHasPairs = false;
  static constexpr bool kSigned8 = false;
  static constexpr bool kExpands = false;  // has the registers of expanded_tiles.h
  template <int kBits>
  static I32 Dot(I32 acc, U8 w, I32 x) {
    return _mm256_dpbusd_avx_epi32(acc, w, x);
  }
  static I32 DotInt16(I32 acc, U8 w, I32 x) { return _mm256_dpwssd_avx_epi32(acc, w, x); }
#else
  static constexpr bool kHasPairs = true;
  static I32 DotPairs(I32 acc, U8 w, I32 x) { return _mm256_add_epi16(acc, _mm256_maddubs_epi16(w, x)); }
  static I32 Widen(I32 pairs) { return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)); }
  // vpmaddubsw saturates at 16 bits: two products of an 8-bit code and 127 do not fit, of 6 bits they do. So
  // 8-bit codes count as signed, code - 128: |code - 128| * 127 * 2 <= 32512 fits.
  static constexpr bool kSigned8 = true;
  static constexpr bool kExpands = false;  // has the registers of expanded_tiles.h
  template <int kBits>
  static I32 Dot(I32 acc, U8 w, I32 x) {
    if constexpr (kBits == 8) {
      const __m256i s = _mm256_xor_si256(w, _mm256_set1_epi8(static_cast<char>(0x80)));
      w = _mm256_abs_epi8(s);
      x = _mm256_sign_epi8(x, s);
    }
    return _mm256_add_epi32(acc, Widen(_mm256_maddubs_epi16(w, x)));
  }
  static I32 DotInt16(I32 acc, U8 w, I32 x) { return _mm256_add_epi32(acc, _mm256_madd_epi16(w, x)); }
#endif

  static F32 ToFloat(I32 a) { return _mm256_cvtepi32_ps(a); }
  static I32 ToInt(F32 a) { return _mm256_cvtps_epi32(a); }  // nearest, ties to even
  static F32 LoadI8(const uint8_t* p) { return ToFloat(_mm256_cvtepi8_epi32(Load8(p))); }
  static F32 LoadU8(const uint8_t* p) { return ToFloat(_mm256_cvtepu8_epi32(Load8(p))); }
  static F32 LoadF16(const void* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p)));
  }
  static F32 LoadBf16(const void* p) {
    const __m128i half = _mm_loadu_si128(static_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
  }
  static F32 Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, F32 v) { _mm256_storeu_ps(p, v); }
  static F32 Set(float x) { return _mm256_set1_ps(x); }
  static F32 Mul(F32 a, F32 b) { return _mm256_mul_ps(a, b); }
  static F32 Add(F32 a, F32 b) { return _mm256_add_ps(a, b); }
  static F32 Sub(F32 a, F32 b) { return _mm256_sub_ps(a, b); }
  static F32 Div(F32 a, F32 b) { return _mm256_div_ps(a, b); }
  static F32 Max(F32 a, F32 b) { return _mm256_max_ps(a, b); }
  static F32 Min(F32 a, F32 b) { return _mm256_min_ps(a, b); }
  static F32 Abs(F32 a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  static F32 MulAdd(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a, b, c); }      // a b + c
  static F32 NegMulAdd(F32 a, F32 b, F32 c) { return _mm256_fnmadd_ps(a, b, c); }  // c - a b
  static F32 SelectNegative(F32 x, F32 negative, F32 other) {
    return _mm256_blendv_ps(other, negative, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ));
  }
  // 2^n, n in -126..127.
  static F32 Exp2(I32 n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
  }

  // |x| as bits: ordered like |x|, 0x7f800000 and up where x is not finite.
  static I32 AbsBits(F32 a) {
    return _mm256_and_si256(_mm256_castps_si256(a), _mm256_set1_epi32(0x7fffffff));
  }
  static I32 MaxInt(I32 a, I32 b) { return _mm256_max_epi32(a, b); }
  static int MaxOfAll(I32 a) {
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1)));
  }
  static int SumOfAll(I32 a) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
  }
  static void StoreI8(uint8_t* p, I32 a) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
  }
  static void StoreI16(uint8_t* p, I32 a) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words);
  }

 private:
  static __m128i Load8(const uint8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
