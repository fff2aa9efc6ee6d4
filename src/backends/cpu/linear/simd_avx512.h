#pragma once
// What the linear kernels need of AVX-512 with VNNI. simd_avx2.h and simd_none.h have the same interface.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace tern::TERN_ISA_NS {
namespace {

struct Simd {
  using U8 = __m512i;
  using I32 = __m512i;
  using F32 = __m512;
  static constexpr int kLanes = 16;
  // Rows per tile, by what fits in 32 registers: dots and accumulators, two per row each; two dots more where
  // precise; float tiles have accumulators only.
  static constexpr int kFastRows = 6, kPreciseRows = 4, kFloatRows = 12;
  static constexpr bool kHasPairs = false;
  static constexpr bool kSigned8 = false;  // Dot takes 8-bit codes as they lie: unsigned
  static constexpr bool kExpands = true;   // has the registers of expanded_tiles.h

  // Codes: vectors of bytes. Shifts are of 16-bit lanes, left by n or right by -n.
  static U8 Load(const uint8_t* p) { return _mm512_load_si512(p); }
  static void Store(uint8_t* p, U8 v) { _mm512_store_si512(p, v); }
  static U8 Set8(int x) { return _mm512_set1_epi8(static_cast<char>(x)); }
  static U8 And(U8 a, U8 b) { return _mm512_and_si512(a, b); }
  static U8 Repeat16(const uint8_t* p) { return _mm512_broadcast_i32x4(Load16(p)); }
  static U8 LookUp(U8 repeated, U8 codes) { return _mm512_shuffle_epi8(repeated, codes); }  // codes < 16
  static U8 FromMiddle(U8 a) { return _mm512_xor_si512(a, Set8(0x80)); }  // signed bytes plus 128, or back
  static U8 OrAnd(U8 a, U8 b, U8 mask) { return _mm512_ternarylogic_epi32(a, b, mask, 0xf8); }
  template <int n>
  static U8 Shift(U8 a) {
    if constexpr (n > 0) return _mm512_slli_epi16(a, n);
    if constexpr (n < 0) return _mm512_srli_epi16(a, -n);
    return a;
  }

  // Of each lane's bytes first and first + 1 in `bytes`, each at the place 0..3 that the same byte of
  // `places` says; both differ. 0 elsewhere.
  template <int first>
  static U8 Spread(U8 bytes, U8 places) {
    const U8 lanes = _mm512_set4_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0);
    const U8 from = _mm512_or_si512(lanes, Set8(first)), next = _mm512_or_si512(lanes, Set8(first + 1));
    const U8 all = _mm512_set1_epi32(0x03020100);
    const __mmask64 here = _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(places, from), all);
    const __mmask64 there = _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(places, next), all);
    return _mm512_mask_shuffle_epi8(_mm512_maskz_shuffle_epi8(here, bytes, from), there, bytes, next);
  }

  static I32 Zero() { return _mm512_setzero_si512(); }
  static I32 Broadcast(const uint8_t* p) {
    int x;
    __builtin_memcpy(&x, p, 4);
    return _mm512_set1_epi32(x);
  }
  static I32 LoadInts(const uint8_t* p) { return _mm512_loadu_si512(p); }
  static void StoreInts(uint8_t* p, I32 v) { _mm512_storeu_si512(p, v); }
  static I32 SwapPairs(I32 a) { return _mm512_shuffle_epi32(a, _MM_PERM_CDAB); }
  static I32 Add(I32 a, I32 b) { return _mm512_add_epi32(a, b); }
  static I32 Sub(I32 a, I32 b) { return _mm512_sub_epi32(a, b); }
  template <int n>
  static I32 ShiftLeft(I32 a) {
    return _mm512_slli_epi32(a, n);
  }
  template <int n>
  static I32 ShiftRight(I32 a) {  // copies of the sign come in
    return _mm512_srai_epi32(a, n);
  }
  // acc + the four products of each lane's bytes: w unsigned of kBits bits, x signed in -127..127.
  template <int kBits>
  static I32 Dot(I32 acc, U8 w, I32 x) {
    return Kept(_mm512_dpbusd_epi32(acc, w, x));
  }

  // acc + the two products of each lane's int16.
  static I32 DotInt16(I32 acc, U8 w, I32 x) { return Kept(_mm512_dpwssd_epi32(acc, w, x)); }

  static F32 ToFloat(I32 a) { return _mm512_cvtepi32_ps(a); }
  static I32 ToInt(F32 a) { return _mm512_cvtps_epi32(a); }  // nearest, ties to even
  static F32 LoadI8(const uint8_t* p) { return ToFloat(_mm512_cvtepi8_epi32(Load16(p))); }
  static F32 LoadU8(const uint8_t* p) { return ToFloat(_mm512_cvtepu8_epi32(Load16(p))); }
  static F32 LoadF16(const void* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
  }
  static F32 LoadBf16(const void* p) {
    const __m256i half = _mm256_loadu_si256(static_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  }
  static F32 Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, F32 v) { _mm512_storeu_ps(p, v); }
  static F32 Set(float x) { return _mm512_set1_ps(x); }
  static F32 Mul(F32 a, F32 b) { return _mm512_mul_ps(a, b); }
  static F32 Add(F32 a, F32 b) { return _mm512_add_ps(a, b); }
  static F32 Sub(F32 a, F32 b) { return _mm512_sub_ps(a, b); }
  static F32 Div(F32 a, F32 b) { return _mm512_div_ps(a, b); }
  static F32 Max(F32 a, F32 b) { return _mm512_max_ps(a, b); }
  static F32 Min(F32 a, F32 b) { return _mm512_min_ps(a, b); }
  static F32 Abs(F32 a) { return _mm512_abs_ps(a); }
  static F32 MulAdd(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a, b, c); }      // a b + c
  static F32 NegMulAdd(F32 a, F32 b, F32 c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a b
  static F32 SelectNegative(F32 x, F32 negative, F32 other) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), other, negative);
  }
  // 2^n, n in -126..127.
  static F32 Exp2(I32 n) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(127)), 23));
  }

  // |x| as bits: ordered like |x|, 0x7f800000 and up where x is not finite.
  static I32 AbsBits(F32 a) {
    return _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x7fffffff));
  }
  static I32 MaxInt(I32 a, I32 b) { return _mm512_max_epi32(a, b); }
  static int MaxOfAll(I32 a) { return _mm512_reduce_max_epi32(a); }
  static int SumOfAll(I32 a) { return _mm512_reduce_add_epi32(a); }
  static void StoreI8(uint8_t* p, I32 a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a));
  }
  static void StoreI16(uint8_t* p, I32 a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(a));
  }

 private:
  // Or GCC 12 keeps a second copy of what a loop accumulates, in another vector type, on the stack.
  static I32 Kept(I32 acc) {
    asm("" : "+v"(acc));
    return acc;
  }
  static __m128i Load16(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
