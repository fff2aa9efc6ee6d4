// What portable code reaches: a step of a linear congruence per lane, which no compiler can fold.
#include "backends/cpu/limits/peak_loops.h"

namespace tern {
namespace {

typedef int16_t I16 __attribute__((vector_size(16)));
typedef float F32 __attribute__((vector_size(16)));

constexpr int kChains = 8;

template <class Vec>
double MultiplyAdd(size_t rounds, Vec factor, Vec addend) {
  Vec acc[kChains] = {};
  for (size_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 8
    for (int c = 0; c < kChains; ++c) acc[c] = acc[c] * factor + addend;
  }
  volatile Vec sink;
#pragma GCC unroll 8
  for (int c = 0; c < kChains; ++c) sink = acc[c];
  (void)sink;
  return 2.0 * kChains * (sizeof(Vec) / sizeof(factor[0])) * static_cast<double>(rounds);
}

// 8-bit products are taken in 16-bit lanes.
double Int8(size_t rounds) { return MultiplyAdd(rounds, I16{} + int16_t{3}, I16{} + int16_t{1}); }
double Fp32(size_t rounds) { return MultiplyAdd(rounds, F32{} + 0.5f, F32{} + 1.0f); }

uint64_t Read(const void* data, size_t bytes) {
  const auto* p = static_cast<const uint64_t*>(data);
  uint64_t sum[4] = {};
  for (size_t i = 0; i < bytes / 8; i += 4) {
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; ++j) sum[j] += p[i + j];
  }
  return sum[0] + sum[1] + sum[2] + sum[3];
}

constexpr PeakLoops kLoops = {Int8, Fp32, nullptr, Read};

}  // namespace

const PeakLoops& PeakLoopsNone() { return kLoops; }

}  // namespace tern
