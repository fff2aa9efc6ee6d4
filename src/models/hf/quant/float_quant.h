#pragma once
// Weights of small floats that several programs store alike.

#include <string_view>
#include <vector>

#include "models/hf/quant/quant.h"

namespace tern {

// A weight of E4M3, [outputs, inputs], with a scale per tensor, per output, or per block: a matrix of scales
// tells the block's size. Becomes fp8_e4m3 where rows are whole blocks of it, else f32.
Result<Tensor> ReadFp8(QuantReader& r, const RawTensor& weight, std::string_view scale_part);
// The same of `.weight`.
Result<Tensor> ReadFp8(QuantReader& r, std::string_view scale_part);

// E2M1 nibbles (the even column low), an E4M3 scale per 16 weights, and a factor for the whole tensor, by
// which some programs divide and others multiply. Becomes nvfp4 and "<stem>.scale" where that may be,
// else nvfp4_scaled; f32 where rows are not whole blocks.
struct Nvfp4Parts {
  std::string_view codes, scales, factor;
  bool divides = false;
};
Result<std::vector<QuantTensor>> ReadNvfp4(QuantReader& r, const Nvfp4Parts& parts);

}  // namespace tern
