#pragma once
// The table of one ISA's linear kernels. Included by one .cc per ISA, which first defines TERN_ISA_NS, its
// namespace, and TERN_ISA_SIMD, the header with its Simd.

#include "backends/cpu/linear/epilogue.h"
#include "backends/cpu/linear/expanded_tiles.h"
#include "backends/cpu/linear/float_tiles.h"
#include "backends/cpu/linear/int16_tiles.h"
#include "backends/cpu/linear/int_tiles.h"
#include "formats_all.h"

namespace tern::TERN_ISA_NS {
namespace {

template <class L, int kRows, bool kPrecise>
constexpr IntTileFn TileOf() {
  if constexpr (L::k.sparse) return SparseTile<L, kRows, kPrecise>::Run;
  if constexpr (!L::k.sparse) return IntTile<L, kRows, kPrecise>::Run;
}
template <class L, bool kPrecise>
constexpr ExpandPanelFn ExpandOf() {
  if constexpr (L::k.sparse) return ExpandSparsePanel<L, kPrecise>;
  if constexpr (!L::k.sparse) return ExpandPanel<L, kPrecise>;
}

template <class L>
constexpr IntKernels IntKernelsOf() {
  IntKernels row{L::k, {}, {}, {}, {}, {}};
  row.fast[0] = TileOf<L, 1, false>();
  row.precise[0] = TileOf<L, 1, true>();
#define TERN_FAST(m) \
  if constexpr (m <= Simd::kFastRows) row.fast[m - 1] = TileOf<L, m, false>();
#define TERN_PRECISE(m) \
  if constexpr (m <= Simd::kPreciseRows) row.precise[m - 1] = TileOf<L, m, true>();
  TERN_FAST(2)
  TERN_FAST(3)
  TERN_FAST(4)
  TERN_FAST(5)
  TERN_FAST(6)
  TERN_PRECISE(2)
  TERN_PRECISE(3)
  TERN_PRECISE(4)
#undef TERN_FAST
#undef TERN_PRECISE
  if constexpr (Simd::kExpands && !L::k.planes) {
    row.expand_sums = ExpandSums<L>;
    row.expand[0] = ExpandOf<L, false>();
    row.expand[1] = ExpandOf<L, true>();
    row.expanded[0] = ExpandedTile<L::k.groups(), L::k.has_min, false>::Run;
    row.expanded[1] = ExpandedTile<L::k.groups(), L::k.has_min, true>::Run;
  }
  return row;
}

// The kernels of a listed format's integer form: formats of equal forms share them. An empty row, which no
// layout matches, where there is none.
template <class F>
constexpr IntKernels IntKernelsOfFormat() {
  if constexpr (requires { F::kIntForm; }) {
    return IntKernelsOf<LayoutOf<LayoutOfForm(F::kIntForm)>>();
  } else {
    return {};
  }
}

// The same for the form in planes.
template <class F>
constexpr IntKernels PlaneKernelsOfFormat() {
  if constexpr (requires { F::kIntForm; }) {
    if constexpr (HasPlanes(F::kIntForm)) return IntKernelsOf<LayoutOf<PlanesOfForm(F::kIntForm)>>();
  }
  return {};
}

constexpr IntKernels kInts[] = {
#define FORMAT(name) IntKernelsOfFormat<name>(), PlaneKernelsOfFormat<name>(),
#include "tensor/quant/formats.list"
#undef FORMAT
};

template <FloatPanel kType>
struct FloatTiles {
  template <int kRows>
  static constexpr FloatTileFn k = FloatTile<kType, kRows>;
};
struct Int16Tiles {
  template <int kRows>
  static constexpr RoundedTileFn k = Int16Tile<kRows>;
};

template <class Tiles, class Fn>
constexpr void FillRows(Fn* row) {
  row[0] = Tiles::template k<1>;
#define TERN_ROWS(m) \
  if constexpr (m <= Simd::kFloatRows) row[m - 1] = Tiles::template k<m>;
  TERN_ROWS(2)
  TERN_ROWS(3)
  TERN_ROWS(4)
  TERN_ROWS(5) TERN_ROWS(6) TERN_ROWS(7) TERN_ROWS(8) TERN_ROWS(9) TERN_ROWS(10) TERN_ROWS(11) TERN_ROWS(12)
#undef TERN_ROWS
}

template <int kGlu>
constexpr void FillEpilogues(EpilogueFn* row) {
  row[0] = FloatEpilogue<kGlu>;
  row[1] = QuantizeEpilogue<kGlu, false>;
  row[2] = QuantizeEpilogue<kGlu, true>;
}

constexpr LinearKernels MakeKernels() {
  LinearKernels k{Simd::kFastRows,
                  Simd::kPreciseRows,
                  Simd::kFloatRows,
                  kInts,
                  sizeof(kInts) / sizeof(kInts[0]),
                  {},
                  {{}, Int16Row},
                  {}};
  FillRows<FloatTiles<FloatPanel::kF32>>(k.floats[0]);
  FillRows<FloatTiles<FloatPanel::kF16>>(k.floats[1]);
  FillRows<FloatTiles<FloatPanel::kBf16>>(k.floats[2]);
  FillRows<Int16Tiles>(k.int16.tile);
  FillEpilogues<0>(k.epilogue[0]);
  FillEpilogues<1>(k.epilogue[1]);
  FillEpilogues<2>(k.epilogue[2]);
  FillEpilogues<3>(k.epilogue[3]);
  FillEpilogues<4>(k.epilogue[4]);
  FillEpilogues<5>(k.epilogue[5]);
  return k;
}
constexpr LinearKernels kKernels = MakeKernels();

}  // namespace
}  // namespace tern::TERN_ISA_NS
