#pragma once
// Format: how numbers lie in memory. Plain floats (f32, f16, bf16) and block-quantized weights alike are one
// descriptor constant in tensor/quant/<name>.h and one line in tensor/quant/formats.list.
//
// A row is its prefix, which most formats do not have, and a contiguous run of blocks. Sizes and places
// within rows come from the functions below, never from n / block * size inline.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "tensor/int_form.h"

namespace tern {

struct Format {
  std::string_view name;   // as in formats.list: "q4_k"
  uint32_t gguf_type;      // ggml type id on disk
  uint32_t block_weights;  // weights per block; a row's width is a multiple of it
  uint32_t block_bytes;
  uint32_t row_prefix_bytes = 0;  // what a row's blocks share, before them
  // Weights [first, first + n) of the row that begins at `row`; both are multiples of block_weights.
  // Bit-identical to the format's reference.
  void (*decode)(const void* row, size_t first, float* out, size_t n);
  // A whole row of n weights. `importance`: nullptr, or what the squared error of each weight counts for,
  // such as the mean square of the input that it multiplies; where no input was seen, a millionth of the
  // mean. Formats with nothing to choose ignore it.
  void (*encode)(const float* in, const float* importance, void* row, size_t n);
  // Worst allowed |x - decode(encode(x))| as a share of max|x| within a block.
  float tolerance;
  bool finite_only = false;  // no bits stand for infinities and NaNs: encode makes the largest number of them
  IntForm int_form = {};
  // The block of weight `first` of the row; set where int_form.bits != 0.
  void (*unpack)(const void* row, size_t first, IntBlock* out) = nullptr;
  // Puts other codes, each below `codes`, into the block of weight `first`; its scales stay. Set where what
  // unpack gives may be written back.
  void (*pack)(const uint8_t* code, void* row, size_t first) = nullptr;
  uint16_t codes = 0;
};

// Where the block of weight `first`, a multiple of block_weights, begins within its row. With a row's width:
// its bytes, where RowBytes has accepted that width.
inline size_t BlockOffset(const Format& format, size_t first) {
  return format.row_prefix_bytes + first / format.block_weights * format.block_bytes;
}

// Bytes of one row of n weights; an error where n is no multiple of the block, or the size does not fit.
Result<size_t> RowBytes(const Format& format, uint64_t n);

// All formats, in the order of formats.list.
std::span<const Format* const> AllFormats();
const Format* FindFormat(std::string_view name);  // nullptr: none
const Format* FindGgufType(uint32_t gguf_type);   // nullptr: none
const Format& F32();

}  // namespace tern
