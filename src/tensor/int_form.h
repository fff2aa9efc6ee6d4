#pragma once
// IntForm: how kernels that multiply codes instead of floats see a quantized block, without loss.
//
//   weight[i] = scale[i / group] * (level(code[i]) - zero) - minimum[i / group]
//
// where level(code) = levels[code] if the form has levels, else the code itself, and scale = d * sc and
// minimum = dmin * mn if two_level, else d and dmin alone (then sc = mn = 1). A block has a multiple of 32
// weights; 256 where two_level. Where sparse, of every 4 weights at most 2 are not zero, and d is the same in
// all blocks of a row. Kernels are made for the forms of the listed formats. Plain C types: ISA
// files include this.

#include <cstdint>

namespace tern {

struct IntForm {
  uint8_t bits = 0;   // codes use 4, 5, 6 or 8 bits; 0: the format has no integer form
  uint8_t group = 0;  // weights per scale: 16 or 32
  uint8_t zero = 0;   // the code that stands for zero: a power of two; 0 where has_min
  bool has_min = false;
  bool two_level = false;
  bool wide_scale = false;  // d is a bf16 value, beyond f16's range; no minimums, not two_level
  bool sparse = false;      // 2:4; d is an f32; 8 bits from 128, groups of 32, one level
  uint8_t levels[16] = {};  // what codes of 4 bits stand for; all 0: themselves

  [[gnu::always_inline]] constexpr bool has_levels() const {
    for (const uint8_t level : levels) {
      if (level != 0) return true;
    }
    return false;
  }
};

// What a format's Unpack writes: every field, for all groups and weights of its block; the rest stays as it
// was.
struct IntBlock {
  float d, dmin;   // exactly representable as f16, d as bf16 where wide_scale, any where sparse; dmin is 0
                   // unless has_min
  int8_t sc[16];   // per group; 1 where not two_level
  uint8_t mn[16];  // per group; 1 where not two_level, 0 where two_level without has_min
  uint8_t code[256];
};

}  // namespace tern
