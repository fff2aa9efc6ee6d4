#include "models/hf/quant/float_quant.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace tern {
namespace {

// Columns (or rows) per scale. The last block may be short.
int64_t BlockOf(int64_t size, int64_t blocks) {
  for (const int64_t block : {128, 64, 32, 256, 16, 512}) {
    if ((size + block - 1) / block == blocks) return block;
  }
  return blocks > 0 && size % blocks == 0 ? size / blocks : 0;
}

struct Scales {
  std::vector<float> values;
  int64_t rows_per = 1, cols_per = 1, per_row = 1;

  float At(int64_t row, int64_t col) const {
    return values[static_cast<size_t>(row / rows_per * per_row + col / cols_per)];
  }
};

// Rows and columns per scale: as the config says (DeepSeek's and Transformers' key, that of
// compressed-tensors), else by how many blocks there are.
Result<std::pair<int64_t, int64_t>> BlockSizes(const QuantReader& r, std::string_view part,
                                               const RawTensor& scales, int64_t out, int64_t in) {
  std::vector<std::vector<int64_t>> known = r.ConfigLists(r.group_keys(), "weights.block_structure");
  for (auto& block : r.ConfigLists("quantization_config.", "weight_block_size")) known.push_back(block);
  const auto blocks = [](int64_t size, int64_t block) { return (size + block - 1) / block; };
  for (const std::vector<int64_t>& block : known) {
    if (block.size() != 2 || block[0] < 1 || block[1] < 1) continue;
    if (blocks(out, block[0]) == scales.shape[0] && blocks(in, block[1]) == scales.shape[1])
      return std::pair(block[0], block[1]);
  }
  const std::pair guess(BlockOf(out, scales.shape[0]), BlockOf(in, scales.shape[1]));
  if (known.empty() && guess.first != 0 && guess.second != 0) return guess;
  return r.Bad(part, fmt::format("{}, expected one scale, one for each of {} rows, or one per block of the "
                                 "config's size",
                                 ToString(scales.shape), out));
}

Result<Scales> ReadScales(QuantReader& r, std::string_view part, int64_t out, int64_t in) {
  Scales s;
  TERN_TRY(s.values, r.Floats(part));
  s.cols_per = in;
  if (s.values.size() == 1) {
    s.rows_per = out;
    return s;
  }
  // As many scales as rows may as well lie in blocks: DeepSeek V3's o_proj has 56 x 128 for 7168 rows.
  const std::initializer_list<RawType> floats = {RawType::kF32, RawType::kF16, RawType::kBf16};
  if (const auto vector = r.Part(part, floats, 1); vector.ok() && vector.value().shape[0] == out) return s;
  TERN_TRY(const RawTensor raw, r.Part(part, floats, 2));
  if (raw.shape == Shape{out, 1}) return s;
  TERN_TRY(const auto sizes, BlockSizes(r, part, raw, out, in));
  s.per_row = raw.shape[1];
  s.rows_per = sizes.first;
  s.cols_per = sizes.second;
  return s;
}

constexpr float kE2m1[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};

float Nibble(const uint8_t* codes, size_t i) {
  const int code = codes[i / 2] >> (i % 2 * 4) & 15;
  return code < 8 ? kE2m1[code] : -kE2m1[code - 8];
}

constexpr int64_t kFp8Block = 128;

// Blocks of an f32 and its codes (tensor/quant/fp8_e4m3.h).
void PackFp8(const uint8_t* codes, const Shape& shape, const Scales& scales, uint8_t* out) {
  for (int64_t row = 0; row < shape[0]; ++row) {
    for (int64_t col = 0; col < shape[1]; col += kFp8Block, codes += kFp8Block) {
      const float scale = scales.At(row, col);
      std::memcpy(out, &scale, sizeof(scale));
      std::memcpy(out + sizeof(scale), codes, kFp8Block);
      out += sizeof(scale) + kFp8Block;
    }
  }
}

constexpr int64_t kNvfp4Block = 64, kNvfp4Group = 16;

// GGUF's scales have no sign, and 0 where E4M3 has NaN.
bool AreUnsigned(const uint8_t* scales, int64_t count) {
  return std::all_of(scales, scales + count, [](uint8_t scale) { return scale < 127; });
}

// GGUF's block is 4 scales, then per group 8 bytes: the first half of its codes low, the second high. Each
// comes behind `front`, in memory only.
void PackNvfp4(const uint8_t* codes, const uint8_t* scales, int64_t blocks, std::span<const uint8_t> front,
               uint8_t* out) {
  const auto code = [&](int64_t i) { return codes[i / 2] >> (i % 2 * 4) & 15; };
  for (int64_t block = 0; block < blocks; ++block, codes += kNvfp4Block / 2) {
    out = std::copy(front.begin(), front.end(), out);
    for (int g = 0; g < kNvfp4Block / kNvfp4Group; ++g) *out++ = *scales++;
    for (int64_t g = 0; g < kNvfp4Block; g += kNvfp4Group) {
      for (int64_t i = g; i < g + kNvfp4Group / 2; ++i)
        *out++ = static_cast<uint8_t>(code(i) | code(i + kNvfp4Group / 2) << 4);
    }
  }
}

}  // namespace

Result<Tensor> ReadFp8(QuantReader& r, std::string_view scale_part) {
  TERN_TRY(const RawTensor weight, r.Part(".weight", {RawType::kF8E4M3}, 2));
  return ReadFp8(r, weight, scale_part);
}

Result<Tensor> ReadFp8(QuantReader& r, const RawTensor& weight, std::string_view scale_part) {
  const int64_t out = weight.shape[0], in = weight.shape[1];
  TERN_TRY(const Scales scales, ReadScales(r, scale_part, out, in));
  const auto* codes = static_cast<const uint8_t*>(weight.data);
  if (in % kFp8Block == 0 && (scales.cols_per == in || scales.cols_per % kFp8Block == 0)) {
    TERN_TRY(const QuantReader::Made made, r.Make("fp8_e4m3", weight.shape));
    PackFp8(codes, weight.shape, scales, made.data);
    return made.tensor;
  }
  return r.PackFloats(out, in, [&](int64_t row, std::span<float> values) {
    for (int64_t i = 0; i < in; ++i) {
      values[static_cast<size_t>(i)] = Fp8E4m3ToF32(codes[row * in + i]) * scales.At(row, i);
    }
  });
}

Result<std::vector<QuantTensor>> ReadNvfp4(QuantReader& r, const Nvfp4Parts& parts) {
  TERN_TRY(const RawTensor codes, r.Part(parts.codes, {RawType::kU8}, 2));
  TERN_TRY(const RawTensor scale, r.Part(parts.scales, {RawType::kF8E4M3}, 2));
  TERN_TRY(const std::vector<float> factors, r.Floats(parts.factor));
  const int64_t out = codes.shape[0], in = codes.shape[1] * 2;
  const Shape expected = {out, in / 16};
  if (scale.shape != expected || in % 16 != 0) {
    return r.Bad(parts.scales, fmt::format("{}, expected {}", ToString(scale.shape), ToString(expected)));
  }
  if (factors.size() != 1 || !(factors[0] > 0)) return r.Bad(parts.factor, "expected one positive number");
  const float factor = parts.divides ? 1 / factors[0] : factors[0];
  const auto* bytes = static_cast<const uint8_t*>(codes.data);
  const auto* scales = static_cast<const uint8_t*>(scale.data);
  if (in % kNvfp4Block == 0 && AreUnsigned(scales, Elements(expected))) {
    const int64_t blocks = out * in / kNvfp4Block;
    TERN_TRY(const QuantReader::Made weight,
             r.Make(r.may_have_factor() ? "nvfp4" : "nvfp4_scaled", {out, in}));
    if (!r.may_have_factor()) {
      const float d = parts.divides ? -factors[0] : factor;
      const auto front = std::bit_cast<std::array<uint8_t, sizeof(d)>>(d);
      PackNvfp4(bytes, scales, blocks, front, weight.data);
      return std::vector<QuantTensor>{{r.stem() + ".weight", weight.tensor}};
    }
    TERN_TRY(const QuantReader::Made scale_of_all, r.Make("f32", {1}));
    PackNvfp4(bytes, scales, blocks, {}, weight.data);
    std::memcpy(scale_of_all.data, &factor, sizeof(factor));
    return std::vector<QuantTensor>{{r.stem() + ".weight", weight.tensor},
                                    {r.stem() + ".scale", scale_of_all.tensor}};
  }
  const Tensor tensor = r.PackFloats(out, in, [&](int64_t row, std::span<float> values) {
    for (size_t i = 0; i < values.size(); ++i) {
      const float s = Fp8E4m3ToF32(scales[row * (in / 16) + static_cast<int64_t>(i / 16)]);
      const float local = parts.divides ? s / factors[0] : s * factor;
      values[i] = Nibble(bytes + row * (in / 2), i) * local;
    }
  });
  return std::vector<QuantTensor>{{r.stem() + ".weight", tensor}};
}

}  // namespace tern
