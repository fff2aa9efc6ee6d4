// MXFP4 as GPT-OSS stores its experts: <stem>_blocks U8 [experts, outputs, inputs / 32, 16], two E2M1 codes
// to a byte with the even one low, and <stem>_scales U8 [experts, outputs, inputs / 32], powers of two.
// GGUF's mxfp4 block is the scale, then the codes with the first half of the block in the low nibbles.

#include <fmt/format.h>

#include "models/hf/quant/quant.h"

namespace tern {
namespace {

constexpr size_t kBlock = 32;

uint8_t Code(const uint8_t* pairs, size_t i) { return pairs[i / 2] >> (i % 2 * 4) & 15; }

Result<std::vector<QuantTensor>> Read(QuantReader& r) {
  TERN_TRY(const RawTensor blocks, r.Part("_blocks", {RawType::kU8}, 4));
  TERN_TRY(const RawTensor scales, r.Part("_scales", {RawType::kU8}, 3));
  const Shape& shape = blocks.shape;
  const Shape expected = {shape[0], shape[1], shape[2]};
  if (shape[3] != kBlock / 2)
    return r.Bad("_blocks", fmt::format("{}, expected 16 bytes a block", ToString(shape)));
  if (scales.shape != expected) {
    return r.Bad("_scales", fmt::format("{}, expected {}", ToString(scales.shape), ToString(expected)));
  }
  TERN_TRY(const QuantReader::Made made,
           r.Make("mxfp4", {shape[0], shape[1], shape[2] * static_cast<int64_t>(kBlock)}));
  const auto* pairs = static_cast<const uint8_t*>(blocks.data);
  const auto* exponents = static_cast<const uint8_t*>(scales.data);
  uint8_t* out = made.data;
  const int64_t count = Elements(expected);
  for (int64_t block = 0; block < count; ++block, pairs += kBlock / 2, out += 1 + kBlock / 2) {
    out[0] = exponents[block];
    for (size_t i = 0; i < kBlock / 2; ++i) {
      out[1 + i] = static_cast<uint8_t>(Code(pairs, i) | Code(pairs, i + kBlock / 2) << 4);
    }
  }
  return std::vector<QuantTensor>{{r.stem() + "_blocks", made.tensor}};
}

}  // namespace
extern const QuantDesc k_quant_mxfp4;
const QuantDesc k_quant_mxfp4 = {.method = "mxfp4", .markers = "_blocks", .read = Read};
}  // namespace tern
