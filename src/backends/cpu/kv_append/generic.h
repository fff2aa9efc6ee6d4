// KV encoders over Vec. Included by one .cc per ISA, after its vec_<isa>.h and a definition of TERN_ISA_NS.
#include "backends/cpu/kv_append/kv_append.h"
#include "base/float16.h"

namespace tern::TERN_ISA_NS {
namespace {

void EncodeF16(const float* x, size_t n, uint16_t* out) {
  const Vec most = Vec::Set(kF16Max), least = Vec::Set(-kF16Max), infinity = Vec::Set(__builtin_inff());
  size_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) {
    const Vec v = Vec::Load(x + i);
    SelectLess(Abs(v), infinity, Min(most, Max(least, v)), v).StoreF16(out + i);
  }
  for (; i < n; ++i) out[i] = F32ToF16(Saturate(x[i], kF16Max));
}

void EncodeBf16(const float* x, size_t n, uint16_t* out) {
  for (size_t i = 0; i < n; ++i) out[i] = F32ToBf16(Saturate(x[i], kBf16Max));
}

// The largest |x|, or infinity where one is infinite or no number.
float LargestSize(const float* x, size_t n) {
  const Vec infinity = Vec::Set(__builtin_inff());
  Vec top = Vec::Set(0);
  size_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) {
    const Vec size = Abs(Vec::Load(x + i));
    top = Max(top, SelectLess(size, infinity, size, infinity));
  }
  float max = MaxAcross(top);
  for (; i < n; ++i) {
    const float size = __builtin_fabsf(x[i]);
    if (!(size <= max)) max = size < __builtin_inff() ? size : __builtin_inff();
  }
  return max;
}

inline void StoreCodes(Vec x, int8_t* out) { x.StoreI8(out); }
inline void StoreCodes(Vec x, int16_t* out) { x.StoreI16(out); }

template <class Code>
inline float EncodeCodes(const float* x, size_t n, float most, Code* out) {
  const float max = LargestSize(x, n);
  const float scale = max < __builtin_inff() ? max / most : __builtin_nanf("");
  if (!(scale > 0)) {
    for (size_t i = 0; i < n; ++i) out[i] = 0;
    return scale;
  }
  // The clamp is for subnormal scales, whose own rounding error is large.
  const Vec divisor = Vec::Set(scale), low = Vec::Set(-most), high = Vec::Set(most);
  size_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) {
    StoreCodes(Min(high, Max(low, Vec::Load(x + i) / divisor)), out + i);
  }
  for (; i < n; ++i) {
    const float code = __builtin_nearbyintf(x[i] / scale);
    out[i] = static_cast<Code>(code < -most ? -most : code > most ? most : code);
  }
  return scale;
}

float EncodeInt8(const float* x, size_t n, float most, int8_t* out) { return EncodeCodes(x, n, most, out); }
float EncodeInt16(const float* x, size_t n, float most, int16_t* out) { return EncodeCodes(x, n, most, out); }

}  // namespace
}  // namespace tern::TERN_ISA_NS
