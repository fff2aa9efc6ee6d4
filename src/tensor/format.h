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

namespace tern {

// A block's integers, for kernels that multiply codes instead of floats:
//   weight[i] = scale[i / group] * (code[i] - zero) - minimum[i / group]
// where scale = d * sc and minimum = dmin * mn if two_level, else d and dmin alone (then sc = mn = 1).
struct IntForm {
  uint8_t bits = 0;   // codes use 4, 5, 6 or 8 bits; 0: the format has no integer form
  uint8_t group = 0;  // weights per scale: 16 or 32
  uint8_t zero = 0;   // the code that stands for zero; 0 where has_min
  bool has_min = false;
  bool two_level = false;
};
struct IntBlock {
  float d = 0, dmin = 0;  // exactly representable as f16
  int8_t sc[16] = {};     // per group; 1 where not two_level
  uint8_t mn[16] = {};
  uint8_t code[256] = {};
};

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

// Bytes of one row of n weights; an error where n is no multiple of the block.
Result<size_t> RowBytes(const Format& format, uint64_t n);

// All formats, in the order of formats.list.
std::span<const Format* const> AllFormats();
const Format* FindFormat(std::string_view name);  // nullptr: none
const Format* FindGgufType(uint32_t gguf_type);   // nullptr: none
const Format& F32();

}  // namespace tern
