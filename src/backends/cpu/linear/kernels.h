#pragma once
// The kernels of one ISA, as a table. Included by the files that are compiled per ISA: plain C++ only.
//
// A tile is up to a few rows by one panel, float tile[rows][32]: tile kernels write it, an epilogue turns it
// into output. Tiles of any height give the same bits for a row.

#include <cstddef>
#include <cstdint>

#include "backends/cpu/linear/expanded_layout.h"
#include "backends/cpu/linear/panel_layout.h"

namespace tern {

struct IntTileArgs {
  const uint8_t* panel;
  const uint8_t* low;   // in planes: the panel's lower plane
  const uint8_t* rows;  // the first quantized row
  size_t row_stride;
  size_t sum_hi, sum, hi, lo;  // offsets in a row (QuantizedRowLayout)
  int steps;                   // K / 32
  const uint8_t* prefetch;     // what to fetch, prefetch_lines of 64 bytes per step
  size_t prefetch_lines;
  float* tile;
};
using IntTileFn = void (*)(const IntTileArgs&);

// kExpandedRows rows by an expanded panel (expanded_layout.h).
struct ExpandedTileArgs {
  const uint8_t* panel;
  const uint8_t* rows;  // the first quantized row
  size_t row_stride;
  size_t hi;                // offset in a row
  size_t lo;                // from hi on
  const uint8_t* sums;      // of the first row, expanded
  size_t sum_stride;        // in bytes
  int steps;                // K / 32
  const uint8_t* prefetch;  // as above
  size_t prefetch_lines;
  float* tile;
};
using ExpandedTileFn = void (*)(const ExpandedTileArgs&);
using ExpandPanelFn = void (*)(const uint8_t* panel, int steps, uint8_t* out);
// Reads and writes whole lines of sums.
using ExpandSumsFn = void (*)(const uint8_t* sums, int steps, uint8_t* out);

struct FloatTileArgs {
  const void* panel;    // [K][32] of the kernel's type
  const uint8_t* rows;  // the first row of f32
  size_t row_stride;    // in bytes
  int64_t k;
  size_t prefetch;  // inputs to fetch ahead of use; 0: none
  float* tile;
};
using FloatTileFn = void (*)(const FloatTileArgs&);
enum class FloatPanel : uint8_t { kF32, kF16, kBf16 };

// Of float weights with rows that were rounded: int16_layout.h, bf16_layout.h.
struct RoundedTileArgs {
  const uint8_t* panel;
  const uint8_t* rows;  // the first rounded row
  size_t row_stride;
  size_t codes;     // offset of the inputs in a row
  size_t pairs;     // of inputs
  size_t prefetch;  // bytes to fetch ahead of use; 0: none
  float* tile;
};
using RoundedTileFn = void (*)(const RoundedTileArgs&);
using RoundRowFn = void (*)(const float* x, int64_t k, uint8_t* row);  // f32 to a rounded row

struct EpilogueArgs {
  float* tile;        // [rows][32]; overwritten
  const float* gate;  // with glu: the gate's tile
  int rows;
  int channels;            // 1..32, less than 32 in the last panel only
  const float* row_scale;  // [rows], what the sums are multiplied by first, or null
  const float* bias;       // [32], or null
  const float* gate_bias;  // [32], or null
  const float* residual;   // [rows][channels], or null
  size_t residual_stride;  // in bytes
  uint8_t* y;              // f32 [rows][channels]; or quantized rows
  size_t y_stride;         // in bytes
  float alpha, limit;      // of swiglu_oai
  // Quantized output only: where panel p's group lies in a row.
  size_t scale, sum_hi, sum, hi, lo;
};
using EpilogueFn = void (*)(const EpilogueArgs&);
inline constexpr int kGluKinds = 6;     // by Glu in linear.h
inline constexpr int kOutputKinds = 3;  // f32, q8, q16

inline constexpr int kMaxFastRows = 6, kMaxPreciseRows = 4, kMaxFloatRows = 12;

struct IntKernels {
  PanelLayout layout;
  IntTileFn fast[kMaxFastRows];  // by rows - 1; null above fast_rows
  IntTileFn precise[kMaxPreciseRows];
  // For many rows, panels and tiles by precise. Null where the ISA has no such tiles.
  ExpandSumsFn expand_sums;
  ExpandPanelFn expand[2];
  ExpandedTileFn expanded[2];
};

struct RoundedKernels {
  RoundedTileFn tile[kMaxFloatRows];  // by rows - 1, up to float_rows
  RoundRowFn round;
};

struct LinearKernels {
  int fast_rows, precise_rows, float_rows;  // tallest tiles
  const IntKernels* ints;
  size_t int_count;
  FloatTileFn floats[3][kMaxFloatRows];  // by FloatPanel, rows - 1
  RoundedKernels int16;
  EpilogueFn epilogue[kGluKinds][kOutputKinds];
};

// Those of the best ISA in `isa` (linear.cc).
const LinearKernels& LinearKernelsOf(uint32_t isa);
const IntKernels* FindInts(const LinearKernels& kernels, const PanelLayout& layout);  // null: none

const LinearKernels& LinearKernelsNone();
const LinearKernels& LinearKernelsAvx2();
const LinearKernels& LinearKernelsAvxVnni();
const LinearKernels& LinearKernelsAvx512();
// Beside those of AVX-512.
const RoundedKernels& Bf16KernelsAvx512Bf16();

}  // namespace tern
