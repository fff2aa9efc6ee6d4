// Tiles over bf16 weights and rows (bf16_layout.h). Per output element, pair by pair, k ascending:
//   acc = acc + w[k + 1] x[k + 1] + w[k] x[k]      as vdpbf16ps rounds, subnormal numbers being 0
// whatever the tile.

#include <immintrin.h>

#include "backends/cpu/linear/bf16_layout.h"
#include "backends/cpu/linear/kernels.h"

namespace tern {
namespace {

#define TERN_UNROLL _Pragma("GCC unroll 16")

constexpr size_t kLanes = 16;

inline __m512bh Weights(const uint8_t* p) { return (__m512bh)_mm512_load_si512(p); }

template <int kRows>
void Bf16Tile(const RoundedTileArgs& a) {
  __m512 acc[kRows][2];
  TERN_UNROLL
  for (int m = 0; m < kRows; ++m) acc[m][0] = acc[m][1] = _mm512_setzero_ps();
  const uint8_t* x = a.rows + a.codes;
  const size_t stride = a.row_stride, prefetch = a.prefetch;
  const uint8_t* end = a.panel + a.pairs * kBf16PairBytes;
  for (const uint8_t* w = a.panel; w != end; w += kBf16PairBytes, x += 4) {
    if (prefetch != 0) {
      __builtin_prefetch(w + prefetch);
      __builtin_prefetch(w + prefetch + 64);
    }
    const __m512bh low = Weights(w), high = Weights(w + 64);
    TERN_UNROLL
    for (int m = 0; m < kRows; ++m) {
      int bits;
      __builtin_memcpy(&bits, x + static_cast<size_t>(m) * stride, 4);
      const auto pair = (__m512bh)_mm512_set1_epi32(bits);
      acc[m][0] = _mm512_dpbf16_ps(acc[m][0], low, pair);
      acc[m][1] = _mm512_dpbf16_ps(acc[m][1], high, pair);
    }
  }
  TERN_UNROLL
  for (int m = 0; m < kRows; ++m) {
    _mm512_storeu_ps(a.tile + m * kPanelWidth, acc[m][0]);
    _mm512_storeu_ps(a.tile + m * kPanelWidth + kLanes, acc[m][1]);
  }
}

// To the nearest, ties to even; subnormal numbers become 0.
void Bf16Row(const float* x, int64_t k, uint8_t* row) {
  const auto width = static_cast<size_t>(k);
  size_t i = 0;
  for (; i + 2 * kLanes <= width; i += 2 * kLanes) {
    const __m512bh pairs = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + kLanes), _mm512_loadu_ps(x + i));
    _mm512_store_si512(row + 2 * i, (__m512i)pairs);
  }
  if (i == width) return;
  const auto tail = [&](size_t at) {
    const size_t left = at < width ? width - at : 0;
    return _mm512_maskz_loadu_ps(left >= kLanes ? 0xffff : static_cast<__mmask16>((1u << left) - 1), x + at);
  };
  _mm512_store_si512(row + 2 * i, (__m512i)_mm512_cvtne2ps_pbh(tail(i + kLanes), tail(i)));
}

constexpr RoundedKernels kKernels = {
    {Bf16Tile<1>, Bf16Tile<2>, Bf16Tile<3>, Bf16Tile<4>, Bf16Tile<5>, Bf16Tile<6>, Bf16Tile<7>, Bf16Tile<8>,
     Bf16Tile<9>, Bf16Tile<10>, Bf16Tile<11>, Bf16Tile<12>},
    Bf16Row};

}  // namespace

const RoundedKernels& Bf16KernelsAvx512Bf16() { return kKernels; }

}  // namespace tern
