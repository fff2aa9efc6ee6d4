#pragma once
// What the linear kernels need, in GCC's portable 16-byte vectors: every processor has something like them.
#include <cstddef>
#include <cstdint>

namespace tern::TERN_ISA_NS {
namespace {

struct Simd {
  typedef uint8_t U8 __attribute__((vector_size(16)));
  typedef int32_t I32 __attribute__((vector_size(16)));
  typedef float F32 __attribute__((vector_size(16)));
  typedef int16_t I16 __attribute__((vector_size(16)));
  typedef uint16_t U16 __attribute__((vector_size(16)));
  typedef uint32_t U32 __attribute__((vector_size(16)));
  static constexpr int kLanes = 4;
  static constexpr int kFastRows = 4, kPreciseRows = 2, kFloatRows = 1;  // rows per tile
  static constexpr bool kHasPairs = true;
  static constexpr bool kSigned8 = false;
  static constexpr bool kExpands = false;  // has the registers of expanded_tiles.h

  static U8 Load(const uint8_t* p) {
    U8 v;
    __builtin_memcpy(&v, p, 16);
    return v;
  }
  static void Store(uint8_t* p, U8 v) { __builtin_memcpy(p, &v, 16); }
  static U8 Set8(int x) { return U8{} + static_cast<uint8_t>(x); }
  static U8 And(U8 a, U8 b) { return a & b; }
  static U8 Repeat16(const uint8_t* p) { return Load(p); }
  static U8 LookUp(U8 repeated, U8 codes) {  // codes < 16
#if defined(__clang__)
    U8 found;
    for (int i = 0; i < 16; ++i) found[i] = repeated[codes[i]];
    return found;
#else
    return __builtin_shuffle(repeated, codes);
#endif
  }
  static U8 FromMiddle(U8 a) { return a ^ Set8(0x80); }  // signed bytes plus 128, or back
  static U8 OrAnd(U8 a, U8 b, U8 mask) { return a | (b & mask); }
  template <int n>
  static U8 Shift(U8 a) {
    if constexpr (n > 0) return (U8)((U16)a << n);
    if constexpr (n < 0) return (U8)((U16)a >> -n);
    return a;
  }

  static I32 Zero() { return I32{}; }
  static I32 Broadcast(const uint8_t* p) {
    int32_t x;
    __builtin_memcpy(&x, p, 4);
    return I32{} + x;
  }
  static I32 LoadInts(const uint8_t* p) {
    I32 v;
    __builtin_memcpy(&v, p, 16);
    return v;
  }
  static void StoreInts(uint8_t* p, I32 v) { __builtin_memcpy(p, &v, 16); }
  static I32 SwapPairs(I32 a) { return __builtin_shufflevector(a, a, 1, 0, 3, 2); }
  static I32 Add(I32 a, I32 b) { return a + b; }
  static I32 Sub(I32 a, I32 b) { return a - b; }
  template <int n>
  static I32 ShiftLeft(I32 a) {
    return a << n;
  }
  template <int n>
  static I32 ShiftRight(I32 a) {  // copies of the sign come in
    return a >> n;
  }
  // Products of bytes fit in 16 bits (255 * 127), sums of two only with fewer than 8 bits.
  static I16 EvenProducts(U8 w, I32 x) { return (I16)((U16)w & 0xff) * (((I16)x << 8) >> 8); }
  static I16 OddProducts(U8 w, I32 x) { return (I16)((U16)w >> 8) * ((I16)x >> 8); }
  static I32 DotPairs(I32 acc, U8 w, I32 x) {
    return (I32)((I16)acc + EvenProducts(w, x) + OddProducts(w, x));
  }
  static I32 Widen(I32 pairs) { return ((pairs << 16) >> 16) + (pairs >> 16); }
  template <int kBits>
  static I32 Dot(I32 acc, U8 w, I32 x) {
    return acc + Widen((I32)EvenProducts(w, x)) + Widen((I32)OddProducts(w, x));
  }
  static I32 DotInt16(I32 acc, U8 w, I32 x) {
    const I32 low = (((I32)w << 16) >> 16) * ((x << 16) >> 16);
    return acc + low + ((I32)w >> 16) * (x >> 16);
  }

  static F32 ToFloat(I32 a) { return __builtin_convertvector(a, F32); }
  static I32 ToInt(F32 a) {  // nearest, ties to even, for |a| < 2^22
    const F32 magic = Set(12582912.0f);
    return __builtin_convertvector((a + magic) - magic, I32);
  }
  static F32 LoadI8(const uint8_t* p) {
    const auto* s = reinterpret_cast<const int8_t*>(p);
    return ToFloat(I32{s[0], s[1], s[2], s[3]});
  }
  static F32 LoadU8(const uint8_t* p) { return ToFloat(I32{p[0], p[1], p[2], p[3]}); }
  static F32 LoadF16(const void* p) {
    const U32 h = Load4x16(p);
    // The exponent is rebased by a multiplication, which also normalises subnormals.
    const F32 finite = (F32)((h & 0x7fff) << 13) * 0x1p112f;
    const U32 special = (U32)((h & 0x7c00) == 0x7c00) & 0x7f800000;
    return (F32)((U32)finite | special | (h & 0x8000) << 16);
  }
  static F32 LoadBf16(const void* p) { return (F32)(Load4x16(p) << 16); }
  static F32 Load(const float* p) {
    F32 v;
    __builtin_memcpy(&v, p, 16);
    return v;
  }
  static void Store(float* p, F32 v) { __builtin_memcpy(p, &v, 16); }
  static F32 Set(float x) { return F32{x, x, x, x}; }
  static F32 Mul(F32 a, F32 b) { return a * b; }
  static F32 Add(F32 a, F32 b) { return a + b; }
  static F32 Sub(F32 a, F32 b) { return a - b; }
  static F32 Div(F32 a, F32 b) { return a / b; }
  static F32 Max(F32 a, F32 b) { return a > b ? a : b; }
  static F32 Min(F32 a, F32 b) { return a < b ? a : b; }
  static F32 Abs(F32 a) { return (F32)((U32)a & 0x7fffffff); }
  static F32 MulAdd(F32 a, F32 b, F32 c) { return a * b + c; }
  static F32 NegMulAdd(F32 a, F32 b, F32 c) { return c - a * b; }
  static F32 SelectNegative(F32 x, F32 negative, F32 other) { return x < 0.0f ? negative : other; }
  static F32 Exp2(I32 n) { return (F32)((n + 127) << 23); }  // 2^n, n in -126..127

  // |x| as bits: ordered like |x|, 0x7f800000 and up where x is not finite.
  static I32 AbsBits(F32 a) { return (I32)a & 0x7fffffff; }
  static I32 MaxInt(I32 a, I32 b) { return a > b ? a : b; }
  static int MaxOfAll(I32 a) {
    const int low = a[0] > a[1] ? a[0] : a[1], high = a[2] > a[3] ? a[2] : a[3];
    return low > high ? low : high;
  }
  static int SumOfAll(I32 a) { return a[0] + a[1] + a[2] + a[3]; }
  static void StoreI8(uint8_t* p, I32 a) {
    for (int i = 0; i < 4; ++i) p[i] = static_cast<uint8_t>(a[i]);
  }
  static void StoreI16(uint8_t* p, I32 a) {
    for (int i = 0; i < 4; ++i) {
      const auto code = static_cast<int16_t>(a[i]);
      __builtin_memcpy(p + 2 * i, &code, 2);
    }
  }

 private:
  static U32 Load4x16(const void* p) {
    uint16_t h[4];
    __builtin_memcpy(h, p, 8);
    return U32{h[0], h[1], h[2], h[3]};
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
