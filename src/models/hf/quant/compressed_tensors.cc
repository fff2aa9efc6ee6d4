// compressed-tensors (llm-compressor): whole numbers packed along the inputs (pack-quantized), bytes
// (int-quantized), FP8 (float-quantized) and NVFP4; bytes, FP8 and floats 2:4 (sparse-24-bitmask). A scale
// per tensor, output, group of inputs or block. What a weight is follows from its parts, and its widths and
// groups from the config group that names its module: mixed-precision files need no other case.

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include "models/hf/quant/float_quant.h"
#include "models/hf/quant/quant.h"

namespace tern {
namespace {

// Codes of `bits` in 32-bit words, LSB first, stored plus half their range.
int Unpack(uint32_t word, int64_t i, int bits) {
  return static_cast<int>(word >> (i * bits) & ((uint64_t{1} << bits) - 1)) - (1 << (bits - 1));
}

struct Packed {
  int bits = 4;
  int64_t out = 0, in = 0, words_per_row = 0, groups = 0;
  std::vector<int64_t> words, zero_words, group_of;
  std::vector<float> scales;

  int Zero(int64_t group, int64_t row) const {
    if (zero_words.empty()) return 0;
    const int64_t per_word = 32 / bits;
    return Unpack(static_cast<uint32_t>(zero_words[static_cast<size_t>(row / per_word * groups + group)]),
                  row % per_word, bits);
  }
};

// The one of the module's widths that makes rows of so many words; where the config has none, of all widths.
Result<int> BitsOf(const QuantReader& r, int64_t in, int64_t words) {
  std::vector<int64_t> widths = r.ConfigIntegers(r.group_keys(), "weights.num_bits");
  if (widths.empty()) widths = {2, 3, 4, 5, 6, 7, 8};
  std::set<int> fitting;
  for (const int64_t bits : widths) {
    if (bits < 2 || bits > 8) continue;
    const int64_t per_word = 32 / bits;
    if ((in + per_word - 1) / per_word == words) fitting.insert(static_cast<int>(bits));
  }
  if (fitting.size() == 1) return *fitting.begin();
  return r.Bad(
      ".weight_packed",
      fmt::format("{} words a row for {} weights: {} widths of config.json's {}{}weights.num_bits fit, "
                  "expected one of 2 to 8 bits",
                  words, in, fitting.size(), r.group_keys(),
                  r.group_keys().ends_with("config_groups.") ? "*." : ""));
}

Status ReadZeros(QuantReader& r, Packed& p) {
  if (!r.Has(".weight_zero_point")) return {};
  TERN_TRY(const RawTensor zeros, r.Part(".weight_zero_point", {RawType::kI32}, 2));
  const Shape expected = {(p.out + 32 / p.bits - 1) / (32 / p.bits), p.groups};
  if (zeros.shape != expected) {
    return r.Bad(".weight_zero_point",
                 fmt::format("{}, expected {}", ToString(zeros.shape), ToString(expected)));
  }
  TERN_TRY(p.zero_words, r.Integers(".weight_zero_point"));
  return {};
}

Status ReadGroups(QuantReader& r, Packed& p) {
  if (r.Has(".weight_g_idx")) {
    TERN_TRY(p.group_of, r.Integers(".weight_g_idx"));
  } else {
    TERN_TRY(const int64_t size, r.GroupSize(".weight_scale", p.in, p.groups,
                                             r.ConfigIntegers(r.group_keys(), "weights.group_size")));
    for (int64_t i = 0; i < p.in; ++i) p.group_of.push_back(i / size);
  }
  if (static_cast<int64_t>(p.group_of.size()) != p.in)
    return r.Bad(".weight_g_idx", fmt::format("expected {} entries", p.in));
  for (const int64_t group : p.group_of) {
    if (group < 0 || group >= p.groups) {
      return r.Bad(".weight_g_idx", fmt::format("{}, expected 0 to {}", group, p.groups - 1));
    }
  }
  return {};
}

Result<Tensor> ReadPacked(QuantReader& r) {
  Packed p;
  TERN_TRY(const RawTensor packed, r.Part(".weight_packed", {RawType::kI32}, 2));
  TERN_TRY(const std::vector<int64_t> shape, r.Integers(".weight_shape"));
  TERN_TRY(const RawTensor scale, r.Part(".weight_scale", {RawType::kF16, RawType::kBf16, RawType::kF32}, 2));
  if (shape.size() != 2 || shape[0] != packed.shape[0] || shape[1] < 1) {
    return r.Bad(".weight_shape", fmt::format("expected [{}, inputs]", packed.shape[0]));
  }
  p.out = shape[0];
  p.in = shape[1];
  p.words_per_row = packed.shape[1];
  p.groups = scale.shape[1];
  if (scale.shape[0] != p.out || p.groups < 1 || p.groups > p.in) {
    return r.Bad(".weight_scale", fmt::format("{}, expected [{}, groups]", ToString(scale.shape), p.out));
  }
  TERN_TRY(p.bits, BitsOf(r, p.in, p.words_per_row));
  TERN_TRY_STATUS(ReadZeros(r, p));
  TERN_TRY_STATUS(ReadGroups(r, p));
  TERN_TRY(p.words, r.Integers(".weight_packed"));
  TERN_TRY(p.scales, r.Floats(".weight_scale"));
  return r.Pack(p.out, p.in, [&p](int64_t row, std::span<int16_t> codes, std::span<float> scales) {
    const int64_t per_word = 32 / p.bits;
    for (int64_t i = 0; i < p.in; ++i) {
      const auto word =
          static_cast<uint32_t>(p.words[static_cast<size_t>(row * p.words_per_row + i / per_word)]);
      const int64_t group = p.group_of[static_cast<size_t>(i)];
      codes[static_cast<size_t>(i)] =
          static_cast<int16_t>(Unpack(word, i % per_word, p.bits) - p.Zero(group, row));
      scales[static_cast<size_t>(i)] = p.scales[static_cast<size_t>(row * p.groups + group)];
    }
  });
}

// A byte per weight; a scale for all, per output, or per group of an output's inputs.
Result<Tensor> ReadBytes(QuantReader& r, const RawTensor& weight) {
  TERN_TRY(const std::vector<float> scale, r.Floats(".weight_scale"));
  const int64_t out = weight.shape[0], in = weight.shape[1];
  const auto count = static_cast<int64_t>(scale.size());
  const int64_t groups = count == 1 ? 1 : count / out;
  if (count != 1 && (count % out != 0 || groups < 1 || groups > in)) {
    return r.Bad(".weight_scale", fmt::format("{} scales, expected 1, {} or so many per group", count, out));
  }
  TERN_TRY(const int64_t size,
           r.GroupSize(".weight_scale", in, groups, r.ConfigIntegers(r.group_keys(), "weights.group_size")));
  std::vector<int64_t> zeros(scale.size(), 0);
  if (r.Has(".weight_zero_point")) {
    TERN_TRY(zeros, r.Integers(".weight_zero_point"));
  }
  if (zeros.size() != scale.size() ||
      std::ranges::any_of(zeros, [](int64_t z) { return z < -128 || z > 127; }))
    return r.Bad(".weight_zero_point", fmt::format("expected {} of 8 bits, as there are scales", count));
  const auto* codes = static_cast<const int8_t*>(weight.data);
  return r.Pack(out, in, [&](int64_t row, std::span<int16_t> q, std::span<float> scales) {
    for (int64_t i = 0; i < in; ++i) {
      const auto group = static_cast<size_t>(count == 1 ? 0 : row * groups + i / size);
      q[static_cast<size_t>(i)] = static_cast<int16_t>(codes[row * in + i] - zeros[group]);
      scales[static_cast<size_t>(i)] = scale[group];
    }
  });
}

// Of each four of a row's weights two, and a bit per weight that says which, the first in bit 0. With the
// zeros between them: data lies in `bytes`.
Result<RawTensor> ReadSparse(QuantReader& r, std::vector<uint8_t>& bytes) {
  TERN_TRY(const RawTensor kept,
           r.Part(".compressed",
                  {RawType::kI8, RawType::kF8E4M3, RawType::kF16, RawType::kBf16, RawType::kF32}, 2));
  TERN_TRY(const RawTensor mask, r.Part(".bitmask", {RawType::kU8}, 2));
  TERN_TRY(const Shape shape, r.Integers(".shape"));
  const int64_t out = kept.shape[0], in = kept.shape[1] * 2, mask_bytes = (in + 7) / 8;
  const Shape expected = {out, in}, expected_mask = {out, mask_bytes};
  if (shape != expected || in % 4 != 0) {
    return r.Bad(".shape", fmt::format("{}, expected {}, in fours", ToString(shape), ToString(expected)));
  }
  if (mask.shape != expected_mask) {
    return r.Bad(".bitmask", fmt::format("{}, expected {}", ToString(mask.shape), ToString(expected_mask)));
  }
  const size_t size = RawTypeBytes(kept.type);
  bytes.assign(static_cast<size_t>(out * in) * size, 0);
  const auto* from = static_cast<const uint8_t*>(kept.data);
  for (int64_t row = 0; row < out; ++row) {
    const auto* bits = static_cast<const uint8_t*>(mask.data) + row * mask_bytes;
    for (int64_t i = 0; i < in; i += 4) {
      const unsigned four = bits[i / 8] >> i % 8 & 15u;
      if (std::popcount(four) != 2) {
        return r.Bad(".bitmask", fmt::format("output {}, inputs {} to {}: {} bits are set, expected 2", row,
                                             i, i + 3, std::popcount(four)));
      }
      for (int64_t j = 0; j < 4; ++j) {
        if ((four >> j & 1) == 0) continue;
        std::memcpy(bytes.data() + static_cast<size_t>(row * in + i + j) * size, from, size);
        from += size;
      }
    }
  }
  return RawTensor{kept.type, shape, bytes.data()};
}

Result<Tensor> ReadTwoOfFour(QuantReader& r) {
  std::vector<uint8_t> bytes;
  TERN_TRY(const RawTensor dense, ReadSparse(r, bytes));
  if (dense.type == RawType::kI8) return ReadBytes(r, dense);
  if (dense.type == RawType::kF8E4M3) return ReadFp8(r, dense, ".weight_scale");
  const std::string_view format = dense.type == RawType::kF16    ? "f16"
                                  : dense.type == RawType::kBf16 ? "bf16"
                                                                 : "f32";
  TERN_TRY(const QuantReader::Made made, r.Make(format, dense.shape));
  std::memcpy(made.data, bytes.data(), bytes.size());
  return made.tensor;
}

Result<std::vector<QuantTensor>> Read(QuantReader& r) {
  if (r.Has(".weight_global_scale"))
    return ReadNvfp4(r, {".weight_packed", ".weight_scale", ".weight_global_scale", true});
  const std::string name = r.stem() + ".weight";
  if (r.Has(".weight_packed")) {
    TERN_TRY(const Tensor tensor, ReadPacked(r));
    return std::vector<QuantTensor>{{name, tensor}};
  }
  if (r.Has(".bitmask")) {
    TERN_TRY(const Tensor tensor, ReadTwoOfFour(r));
    return std::vector<QuantTensor>{{name, tensor}};
  }
  const auto bytes = r.Part(".weight", {RawType::kI8}, 2);
  if (bytes.ok()) {
    TERN_TRY(const Tensor tensor, ReadBytes(r, bytes.value()));
    return std::vector<QuantTensor>{{name, tensor}};
  }
  TERN_TRY(const Tensor tensor, ReadFp8(r, ".weight_scale"));
  return std::vector<QuantTensor>{{name, tensor}};
}

}  // namespace
extern const QuantDesc k_quant_compressed_tensors;
const QuantDesc k_quant_compressed_tensors = {
    .method = "compressed-tensors", .markers = ".weight_packed .weight_scale .bitmask", .read = Read};
}  // namespace tern
