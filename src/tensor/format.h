#pragma once
// Format: how numbers lie in memory. Plain floats (f32, f16, bf16) and block-quantized weights alike are one
// descriptor constant in tensor/quant/<name>.h and one line in tensor/quant/formats.list.
//
// Rows are contiguous runs of blocks. Row sizes come from RowBytes(), never from n / block * size inline:
// some formats carry a row prefix.

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
  // n: weights, a multiple of block_weights. Bit-identical to the format's reference.
  void (*decode)(const void* blocks, float* out, size_t n);
  void (*encode)(const float* in, void* blocks, size_t n);
  // Worst allowed |x - decode(encode(x))| as a share of max|x| within a block.
  float tolerance;
  IntForm int_form = {};
  void (*unpack)(const void* block, IntBlock* out) = nullptr;  // set where int_form.bits != 0
};

// Bytes of one row of n weights; an error where n is no multiple of the block, or the size does not fit.
Result<size_t> RowBytes(const Format& format, uint64_t n);

// All formats, in the order of formats.list.
std::span<const Format* const> AllFormats();
const Format* FindFormat(std::string_view name);  // nullptr: none
const Format* FindGgufType(uint32_t gguf_type);   // nullptr: none
const Format& F32();

}  // namespace tern
