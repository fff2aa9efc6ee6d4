#include "ops/quantized_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/result.h"

namespace tern {
namespace {

constexpr int kSumGroup = 16;

struct Group {
  float scale = 0;
  float inverse = 0;  // 0: all codes are zero
};

Group FitGroup(const float* x) {
  float max = 0;
  bool finite = true;
  for (int i = 0; i < kActGroup; ++i) {
    finite = finite && std::isfinite(x[i]);
    max = std::max(max, std::abs(x[i]));
  }
  if (!finite) return {std::numeric_limits<float>::quiet_NaN(), 0};
  if (max < kActTiny) return {};
  return {max / 127.f, 127.f / max};
}

template <class T>
T* Part(void* row, size_t offset) {
  return reinterpret_cast<T*>(static_cast<char*>(row) + offset);
}
template <class T>
const T* Part(const void* row, size_t offset) {
  return reinterpret_cast<const T*>(static_cast<const char*>(row) + offset);
}

}  // namespace

void QuantizeRow(const float* x, int64_t k, bool precise, void* out) {
  TERN_CHECK(k % kActGroup == 0);
  const QuantizedRowLayout layout = QuantizedRow(k, precise);
  float* scale = Part<float>(out, 0);
  int8_t* hi = Part<int8_t>(out, layout.hi);
  int8_t* lo = Part<int8_t>(out, layout.lo);
  for (int64_t g = 0; g < k / kActGroup; ++g) {
    const Group group = FitGroup(x + g * kActGroup);
    scale[g] = group.scale;
    for (int64_t i = g * kActGroup; i < (g + 1) * kActGroup; ++i) {
      const float t = group.inverse == 0 ? 0 : x[i] * group.inverse;
      const float rounded = std::nearbyint(t);
      hi[i] = static_cast<int8_t>(rounded);
      if (precise) lo[i] = static_cast<int8_t>(std::nearbyint(128.f * (t - rounded)));
    }
  }
  int32_t* sum_hi = Part<int32_t>(out, layout.sum_hi);
  int32_t* sum = Part<int32_t>(out, layout.sum);
  for (int64_t g = 0; g < k / kSumGroup; ++g) {
    int32_t high = 0, low = 0;
    for (int64_t i = g * kSumGroup; i < (g + 1) * kSumGroup; ++i) {
      high += hi[i];
      if (precise) low += lo[i];
    }
    sum_hi[g] = high;
    if (precise) sum[g] = 128 * high + low;
  }
}

void DequantizeRow(const void* row, int64_t k, bool precise, float* out) {
  const QuantizedRowLayout layout = QuantizedRow(k, precise);
  const float* scale = Part<float>(row, 0);
  const int8_t* hi = Part<int8_t>(row, layout.hi);
  const int8_t* lo = Part<int8_t>(row, layout.lo);
  for (int64_t i = 0; i < k; ++i) {
    const float s = scale[i / kActGroup];
    out[i] = precise ? s / 128.f * static_cast<float>(128 * hi[i] + lo[i]) : s * static_cast<float>(hi[i]);
  }
}

}  // namespace tern
