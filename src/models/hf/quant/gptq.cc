// GPTQ: codes packed along the inputs, LSB first, in 32-bit words; a scale and a zero point per group of
// inputs, which g_idx names where inputs were reordered. Version 1 stores zero points minus one.

#include <fmt/format.h>

#include <cstring>

#include "models/hf/quant/quant.h"

namespace tern {
namespace {

struct Gptq {
  int bits = 4;
  int64_t in = 0, out = 0, groups = 0;
  uint32_t zero_offset = 1;
  std::vector<int64_t> words, zero_words, group_of;  // group_of: per input
  std::vector<float> scales;

  int Code(int64_t input, int64_t output) const {
    const int64_t per_word = 32 / bits;
    const auto word = static_cast<uint32_t>(words[static_cast<size_t>(input / per_word * out + output)]);
    return static_cast<int>(word >> (input % per_word * bits) & ((1u << bits) - 1));
  }
  int Zero(int64_t group, int64_t output) const {
    const int64_t per_word = 32 / bits, zero_columns = out / per_word;
    const auto word =
        static_cast<uint32_t>(zero_words[static_cast<size_t>(group * zero_columns + output / per_word)]);
    return static_cast<int>((word >> (output % per_word * bits) & ((1u << bits) - 1)) + zero_offset);
  }
};

Status ReadShapes(QuantReader& r, Gptq& g) {
  const auto bits = r.config().Int("quantization_config.bits", 4);
  if (!bits.ok() || (bits.value() != 2 && bits.value() != 4 && bits.value() != 8)) {
    return Unsupported("config.json: quantization_config.bits: supported: 2, 4, 8");
  }
  g.bits = static_cast<int>(bits.value());
  TERN_TRY(const RawTensor codes, r.Part(".qweight", {RawType::kI32}, 2));
  TERN_TRY(const RawTensor scales, r.Part(".scales", {RawType::kF16, RawType::kBf16, RawType::kF32}, 2));
  TERN_TRY(const RawTensor zeros, r.Part(".qzeros", {RawType::kI32}, 2));
  g.in = codes.shape[0] * (32 / g.bits);
  g.out = codes.shape[1];
  g.groups = scales.shape[0];
  const Shape zero_shape = {g.groups, g.out / (32 / g.bits)};
  if (scales.shape[1] != g.out)
    return r.Bad(".scales", fmt::format("{}, expected {} columns", ToString(scales.shape), g.out));
  if (zeros.shape != zero_shape) {
    return r.Bad(".qzeros", fmt::format("{}, expected {}", ToString(zeros.shape), ToString(zero_shape)));
  }
  if (g.groups < 1 || g.in < 1) return r.Bad(".scales", "no groups");
  return {};
}

Status ReadGroups(QuantReader& r, Gptq& g) {
  const int64_t size = (g.in + g.groups - 1) / g.groups;
  if (r.Has(".g_idx")) {
    TERN_TRY(g.group_of, r.Integers(".g_idx"));
    if (static_cast<int64_t>(g.group_of.size()) != g.in)
      return r.Bad(".g_idx", fmt::format("expected {} entries", g.in));
  } else {
    for (int64_t i = 0; i < g.in; ++i) g.group_of.push_back(i / size);
  }
  for (const int64_t group : g.group_of) {
    if (group < 0 || group >= g.groups)
      return r.Bad(".g_idx", fmt::format("{}, expected 0 to {}", group, g.groups - 1));
  }
  return {};
}

Result<std::vector<QuantTensor>> Read(QuantReader& r) {
  Gptq g;
  TERN_TRY_STATUS(ReadShapes(r, g));
  TERN_TRY_STATUS(ReadGroups(r, g));
  TERN_TRY(const std::string version, r.config().Str("quantization_config.checkpoint_format", "gptq"));
  g.zero_offset = version == "gptq_v2" ? 0 : 1;
  TERN_TRY(g.words, r.Integers(".qweight"));
  TERN_TRY(g.zero_words, r.Integers(".qzeros"));
  TERN_TRY(g.scales, r.Floats(".scales"));
  const Tensor tensor =
      r.Pack(g.out, g.in, [&g](int64_t row, std::span<int16_t> codes, std::span<float> scales) {
        for (int64_t i = 0; i < g.in; ++i) {
          const int64_t group = g.group_of[static_cast<size_t>(i)];
          codes[static_cast<size_t>(i)] = static_cast<int16_t>(g.Code(i, row) - g.Zero(group, row));
          scales[static_cast<size_t>(i)] = g.scales[static_cast<size_t>(group * g.out + row)];
        }
      });
  return std::vector<QuantTensor>{{r.stem() + ".weight", tensor}};
}

}  // namespace
extern const QuantDesc k_quant_gptq;
const QuantDesc k_quant_gptq = {.method = "gptq", .markers = ".qweight", .read = Read};
}  // namespace tern
