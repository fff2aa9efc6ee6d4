// GPTQ: codes packed along the inputs, LSB first, in 32-bit words; a scale and a zero point per group of
// inputs, which g_idx names where inputs were reordered. Version 1 stores zero points minus one.

#include <fmt/format.h>

#include <set>

#include "models/hf/quant/quant.h"

namespace tern {
namespace {

constexpr std::string_view kDynamic = "quantization_config.dynamic.";

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

// The config's width; modules of GPTQModel may have others, which their zero points' columns tell.
Result<int> ReadBits(const QuantReader& r, int64_t out, int64_t zero_columns) {
  std::vector<int64_t> widths = r.ConfigIntegers("quantization_config.bits", "");
  for (const int64_t bits : r.ConfigIntegers(kDynamic, ".bits")) widths.push_back(bits);
  if (widths.empty()) widths = {2, 4, 8};
  std::set<int> fitting;
  for (const int64_t bits : widths) {
    if (bits != 2 && bits != 4 && bits != 8)
      return Unsupported(fmt::format("config.json: quantization_config: {} bits, supported: 2, 4, 8", bits));
    if (out / (32 / bits) == zero_columns) fitting.insert(static_cast<int>(bits));
  }
  if (fitting.size() == 1) return *fitting.begin();
  return r.Bad(".qzeros",
               fmt::format("{} columns for {} outputs: {} of the config's widths fit, expected one",
                           zero_columns, out, fitting.size()));
}

Status ReadShapes(QuantReader& r, Gptq& g) {
  TERN_TRY(const RawTensor codes, r.Part(".qweight", {RawType::kI32}, 2));
  TERN_TRY(const RawTensor scales, r.Part(".scales", {RawType::kF16, RawType::kBf16, RawType::kF32}, 2));
  TERN_TRY(const RawTensor zeros, r.Part(".qzeros", {RawType::kI32}, 2));
  TERN_TRY(g.bits, ReadBits(r, codes.shape[1], zeros.shape[1]));
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
  if (r.Has(".g_idx")) {
    TERN_TRY(g.group_of, r.Integers(".g_idx"));
    if (static_cast<int64_t>(g.group_of.size()) != g.in)
      return r.Bad(".g_idx", fmt::format("expected {} entries", g.in));
  } else {
    std::vector<int64_t> sizes = r.ConfigIntegers("quantization_config.group_size", "");
    for (const int64_t size : r.ConfigIntegers(kDynamic, ".group_size")) sizes.push_back(size);
    TERN_TRY(const int64_t size, r.GroupSize(".scales", g.in, g.groups, sizes));
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
