// RoPE over Vec. Included by one .cc per ISA, after its vec_<isa>.h and a definition of TERN_ISA_NS.
#include "backends/cpu/rope/rope.h"

namespace tern::TERN_ISA_NS {
namespace {

// The channels of a head that are not rotated; x and y are at the first that is.
inline void CopyRest(const RopeRow& row, const float* x, float* y) {
  if (x == y) return;
  x -= row.offset;
  y -= row.offset;
  for (size_t i = 0; i < row.offset; ++i) y[i] = x[i];
  for (size_t i = row.offset + row.rotated; i < row.head_dim; ++i) y[i] = x[i];
}

void RopeHalf(const RopeRow& row) {
  const size_t half = row.rotated / 2;
  for (size_t head = 0; head < row.heads; ++head) {
    const float* x = row.x + head * row.head_dim + row.offset;
    float* y = row.y + head * row.head_dim + row.offset;
    size_t i = 0;
    for (; i + Vec::kLanes <= half; i += Vec::kLanes) {
      const Vec a = Vec::Load(x + i), b = Vec::Load(x + half + i);
      const Vec c = Vec::Load(row.cosine + i), s = Vec::Load(row.sine + i);
      (a * c - b * s).Store(y + i);
      (b * c + a * s).Store(y + half + i);
    }
    for (; i < half; ++i) {
      const float a = x[i], b = x[half + i];
      y[i] = a * row.cosine[i] - b * row.sine[i];
      y[half + i] = b * row.cosine[i] + a * row.sine[i];
    }
    CopyRest(row, x, y);
  }
}

void RopePair(const RopeRow& row) {
  for (size_t head = 0; head < row.heads; ++head) {
    const float* x = row.x + head * row.head_dim + row.offset;
    float* y = row.y + head * row.head_dim + row.offset;
    size_t i = 0;
    for (; i + Vec::kLanes <= row.rotated; i += Vec::kLanes) {
      const Vec v = Vec::Load(x + i);
      (v * Vec::Load(row.cosine + i) + SwapPairs(v) * Vec::Load(row.sine + i)).Store(y + i);
    }
    for (; i < row.rotated; i += 2) {
      const float a = x[i], b = x[i + 1];
      y[i] = a * row.cosine[i] + b * row.sine[i];
      y[i + 1] = b * row.cosine[i + 1] + a * row.sine[i + 1];
    }
    CopyRest(row, x, y);
  }
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
