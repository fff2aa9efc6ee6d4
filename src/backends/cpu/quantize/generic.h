// Quantized rows over Vec. Included by one .cc per ISA, after its vec_<isa>.h and a definition of
// TERN_ISA_NS.
#include "backends/cpu/quantize/quantize.h"

namespace tern::TERN_ISA_NS {
namespace {

constexpr size_t kVectors = kActGroup / Vec::kLanes;
constexpr size_t kHalf = kVectors / 2;  // vectors of 16 values, which share a sum

// The codes of x times 2^shift's worth of steps: hi, and what rounding left over in 128ths.
template <bool kPrecise>
inline void QuantizeGroup(const float* x, size_t g, const QuantizedRowParts& row) {
  const Vec infinity = Vec::Set(__builtin_inff());
  Vec v[kVectors], top = Vec::Set(0);
  for (size_t i = 0; i < kVectors; ++i) {
    v[i] = Vec::Load(x + i * Vec::kLanes);
    // A NaN is not less than infinity and becomes it: Max alone would lose it.
    const Vec size = Abs(v[i]);
    top = Max(top, SelectLess(size, infinity, size, infinity));
  }
  const float max = MaxAcross(top);
  const bool finite = max < __builtin_inff();
  const bool zero = !finite || max < kActTiny;
  row.scale[g] = !finite ? __builtin_nanf("") : zero ? 0.f : max / 127.f;
  const Vec inverse = Vec::Set(zero ? 0.f : 127.f / max);
  for (size_t half = 0; half < 2; ++half) {
    Vec high = Vec::Set(0), low = Vec::Set(0);
    for (size_t i = half * kHalf; i < (half + 1) * kHalf; ++i) {
      const Vec t = zero ? Vec::Set(0) : v[i] * inverse;
      const Vec hi = Round(t);
      hi.StoreI8(row.hi + g * kActGroup + i * Vec::kLanes);
      high = high + hi;
      if constexpr (kPrecise) {
        const Vec lo = Round(Vec::Set(128.f) * (t - hi));
        lo.StoreI8(row.lo + g * kActGroup + i * Vec::kLanes);
        low = low + lo;
      }
    }
    // Whole numbers below 2^24: these sums are exact in any order.
    const float sum = Sum(high);
    row.sum_hi[2 * g + half] = static_cast<int32_t>(sum);
    if constexpr (kPrecise) row.sum[2 * g + half] = static_cast<int32_t>(128.f * sum + Sum(low));
  }
}

void Quantize(const float* x, size_t k, const QuantizedRowParts& row) {
  const size_t groups = k / kActGroup;
  if (row.lo != nullptr) {
    for (size_t g = 0; g < groups; ++g) QuantizeGroup<true>(x + g * kActGroup, g, row);
  } else {
    for (size_t g = 0; g < groups; ++g) QuantizeGroup<false>(x + g * kActGroup, g, row);
  }
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
