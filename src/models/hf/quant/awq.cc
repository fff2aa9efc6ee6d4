// AWQ (gemm): 4-bit codes packed along the outputs, eight to a word in the order 0 2 4 6 1 3 5 7; a scale and
// a zero point per group of inputs.

#include <fmt/format.h>

#include <array>

#include "models/hf/quant/quant.h"

namespace tern {
namespace {

constexpr std::array<int64_t, 8> kNibbleOf = {0, 4, 1, 5, 2, 6, 3, 7};  // of output column 8 c + i

int Nibble(const std::vector<int64_t>& words, int64_t row, int64_t columns, int64_t output) {
  const auto word = static_cast<uint32_t>(words[static_cast<size_t>(row * columns + output / 8)]);
  return static_cast<int>(word >> (4 * kNibbleOf[static_cast<size_t>(output % 8)]) & 15);
}

Result<std::vector<QuantTensor>> Read(QuantReader& r) {
  const auto bits = r.config().Int("quantization_config.bits", 4);
  const auto version = r.config().Str("quantization_config.version", "gemm");
  if (!bits.ok() || bits.value() != 4)
    return Unsupported("config.json: quantization_config.bits: supported: 4");
  if (!version.ok() || (version.value() != "gemm" && version.value() != "GEMM")) {
    return Unsupported("config.json: quantization_config.version: supported: gemm");
  }
  TERN_TRY(const RawTensor codes, r.Part(".qweight", {RawType::kI32}, 2));
  TERN_TRY(const RawTensor zeros, r.Part(".qzeros", {RawType::kI32}, 2));
  TERN_TRY(const RawTensor scale, r.Part(".scales", {RawType::kF16, RawType::kBf16, RawType::kF32}, 2));
  const int64_t in = codes.shape[0], columns = codes.shape[1], groups = scale.shape[0];
  const Shape zero_shape = {groups, columns}, scale_shape = {groups, columns * 8};
  if (zeros.shape != zero_shape)
    return r.Bad(".qzeros", fmt::format("{}, expected {}", ToString(zeros.shape), ToString(zero_shape)));
  if (scale.shape != scale_shape || groups < 1 || in % groups != 0) {
    return r.Bad(".scales", fmt::format("{}, expected {} and a divisor of {} rows", ToString(scale.shape),
                                        ToString(scale_shape), in));
  }
  TERN_TRY(const std::vector<int64_t> words, r.Integers(".qweight"));
  TERN_TRY(const std::vector<int64_t> zero_words, r.Integers(".qzeros"));
  TERN_TRY(const std::vector<float> numbers, r.Floats(".scales"));
  const int64_t size = in / groups;
  const Tensor tensor =
      r.Pack(columns * 8, in, [&](int64_t row, std::span<int16_t> q, std::span<float> scales) {
        for (int64_t i = 0; i < in; ++i) {
          const int zero = Nibble(zero_words, i / size, columns, row);
          q[static_cast<size_t>(i)] = static_cast<int16_t>(Nibble(words, i, columns, row) - zero);
          scales[static_cast<size_t>(i)] = numbers[static_cast<size_t>(i / size * columns * 8 + row)];
        }
      });
  return std::vector<QuantTensor>{{r.stem() + ".weight", tensor}};
}

}  // namespace
extern const QuantDesc k_quant_awq;
const QuantDesc k_quant_awq = {.method = "awq", .markers = ".qweight", .read = Read};
}  // namespace tern
