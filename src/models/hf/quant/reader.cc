#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "base/float16.h"
#include "models/hf/int_blocks.h"
#include "models/hf/quant/quant.h"

namespace tern {

#define QUANT(id) extern const QuantDesc k_quant_##id;
#include "models/hf/quant/quants.list"
#undef QUANT

std::span<const QuantDesc* const> AllQuants() {
  static constexpr const QuantDesc* kAll[] = {
#define QUANT(id) &k_quant_##id,
#include "models/hf/quant/quants.list"
#undef QUANT
  };
  return kAll;
}

float Fp8E4m3ToF32(uint8_t bits) {
  const int exponent = bits >> 3 & 15, mantissa = bits & 7;
  float value = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                              : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  if ((bits & 127) == 127) value = std::nanf("");
  return (bits & 128) != 0 ? -value : value;
}

namespace {

bool IsHalf(float x) { return std::isfinite(x) && F16ToF32(F32ToF16(x)) == x; }

constexpr std::string_view kSparse = "q8_24";

bool IsSparse(const int16_t* four) { return std::count(four, four + 4, 0) >= 2; }

// The narrowest format that holds all rows without loss; nullptr: none does.
const Format* ChooseFormat(int64_t rows, int64_t cols, const QuantReader::RowFn& row) {
  if (cols % static_cast<int64_t>(kIntBlockWeights) != 0) return nullptr;
  std::vector<int16_t> codes(static_cast<size_t>(cols));
  std::vector<float> scales(codes.size());
  int low = 0, high = 0;
  bool in_blocks = true, sparse = true;
  for (int64_t r = 0; r < rows && (in_blocks || sparse); ++r) {
    row(r, codes, scales);
    for (size_t i = 0; i < codes.size(); ++i) {
      low = std::min<int>(low, codes[i]);
      high = std::max<int>(high, codes[i]);
      in_blocks = in_blocks && (i % kIntBlockWeights == 0 ? IsHalf(scales[i]) : scales[i] == scales[i - 1]);
      sparse = sparse && scales[i] == scales[0] && (i % 4 != 0 || IsSparse(codes.data() + i));
    }
  }
  const Format* dense = in_blocks ? IntFormatFor(low, high) : nullptr;
  const Format* two_of_four = sparse && IntFormatFor(low, high) != nullptr ? FindFormat(kSparse) : nullptr;
  if (dense == nullptr || two_of_four == nullptr) return dense == nullptr ? two_of_four : dense;
  return two_of_four->block_bytes < dense->block_bytes ? two_of_four : dense;
}

float FloatAt(const RawTensor& raw, size_t i) {
  const auto* bytes = static_cast<const uint8_t*>(raw.data);
  uint32_t word = 0;
  std::memcpy(&word, bytes + i * RawTypeBytes(raw.type), RawTypeBytes(raw.type));
  if (raw.type == RawType::kF16) return F16ToF32(static_cast<uint16_t>(word));
  if (raw.type == RawType::kBf16) return Bf16ToF32(static_cast<uint16_t>(word));
  if (raw.type == RawType::kF8E4M3) return Fp8E4m3ToF32(static_cast<uint8_t>(word));
  float value;
  std::memcpy(&value, &word, 4);
  return value;
}

int64_t IntegerAt(const RawTensor& raw, size_t i) {
  const auto* bytes = static_cast<const uint8_t*>(raw.data) + i * RawTypeBytes(raw.type);
  if (raw.type == RawType::kU8) return *bytes;
  if (raw.type == RawType::kI8) return static_cast<int8_t>(*bytes);
  if (raw.type == RawType::kI32) {
    int32_t value;
    std::memcpy(&value, bytes, 4);
    return value;
  }
  int64_t value;
  std::memcpy(&value, bytes, 8);
  return value;
}

}  // namespace

Error QuantReader::Bad(std::string_view part, std::string_view problem) const {
  return BadInput(fmt::format("{}{}: {}", stem_, part, problem));
}

Result<RawTensor> QuantReader::Part(std::string_view part, std::initializer_list<RawType> types,
                                    size_t dims) const {
  const RawTensor* raw = folder_.Find(stem_ + std::string(part));
  if (raw == nullptr) return Bad(part, "missing");
  if (std::find(types.begin(), types.end(), raw->type) == types.end() || raw->shape.size() != dims) {
    std::string expected;
    for (const RawType type : types)
      expected += (expected.empty() ? "" : " or ") + std::string(RawTypeName(type));
    return Bad(part, fmt::format("{} {}, expected {} of {} dimensions", RawTypeName(raw->type),
                                 ToString(raw->shape), expected, dims));
  }
  // A shape without elements may have any number of rows.
  if (Elements(raw->shape) == 0) return Bad(part, ToString(raw->shape) + ": is empty");
  return *raw;
}

Result<std::vector<float>> QuantReader::Floats(std::string_view part) const {
  const RawTensor* raw = folder_.Find(stem_ + std::string(part));
  if (raw == nullptr) return Bad(part, "missing");
  if (raw->type != RawType::kF32 && raw->type != RawType::kF16 && raw->type != RawType::kBf16 &&
      raw->type != RawType::kF8E4M3) {
    return Bad(part, fmt::format("{}, expected F32, F16, BF16 or F8_E4M3", RawTypeName(raw->type)));
  }
  std::vector<float> values(static_cast<size_t>(Elements(raw->shape)));
  for (size_t i = 0; i < values.size(); ++i) values[i] = FloatAt(*raw, i);
  return values;
}

Result<std::vector<int64_t>> QuantReader::Integers(std::string_view part) const {
  const RawTensor* raw = folder_.Find(stem_ + std::string(part));
  if (raw == nullptr) return Bad(part, "missing");
  if (raw->type != RawType::kI32 && raw->type != RawType::kI64 && raw->type != RawType::kU8 &&
      raw->type != RawType::kI8) {
    return Bad(part, fmt::format("{}, expected I32, I64, U8 or I8", RawTypeName(raw->type)));
  }
  std::vector<int64_t> values(static_cast<size_t>(Elements(raw->shape)));
  for (size_t i = 0; i < values.size(); ++i) values[i] = IntegerAt(*raw, i);
  return values;
}

namespace {

template <class T>
std::vector<T> ConfigValues(const Metadata& config, std::string_view prefix, std::string_view suffix) {
  std::vector<T> values;
  for (const auto& [key, value] : config.all()) {
    if (key.size() < prefix.size() + suffix.size()) continue;
    if (!key.starts_with(prefix) || !key.ends_with(suffix)) continue;
    if (const T* found = std::get_if<T>(&value)) values.push_back(*found);
  }
  return values;
}

}  // namespace

std::vector<int64_t> QuantReader::ConfigIntegers(std::string_view prefix, std::string_view suffix) const {
  return ConfigValues<int64_t>(config(), prefix, suffix);
}
std::vector<std::vector<int64_t>> QuantReader::ConfigLists(std::string_view prefix,
                                                           std::string_view suffix) const {
  return ConfigValues<std::vector<int64_t>>(config(), prefix, suffix);
}

Result<int64_t> QuantReader::GroupSize(std::string_view part, int64_t in, int64_t groups,
                                       const std::vector<int64_t>& sizes) const {
  if (groups == 1) return in;
  std::set<int64_t> fitting;
  for (const int64_t size : sizes) {
    if (size > 0 && (in - 1) / size + 1 == groups) fitting.insert(size);
  }
  if (sizes.empty() && in % groups == 0) fitting.insert(in / groups);
  if (fitting.size() == 1) return *fitting.begin();
  return Bad(part, fmt::format("{} groups of {} inputs: {} of the config's group sizes fit, expected one",
                               groups, in, fitting.size()));
}

Result<QuantReader::Made> QuantReader::Make(std::string_view format, Shape shape) {
  const Format* found = FindFormat(format);
  TERN_CHECK(found != nullptr);
  const auto row_bytes = RowBytes(*found, static_cast<uint64_t>(shape.back()));
  if (!row_bytes.ok()) return Bad("", row_bytes.error().what);
  Tensor tensor{found, std::move(shape), nullptr};
  auto* data = static_cast<uint8_t*>(
      buffers_.emplace_back(static_cast<size_t>(tensor.rows()) * row_bytes.value()).data());
  tensor.data = data;
  return Made{tensor, data};
}

Tensor QuantReader::PackFloats(int64_t rows, int64_t cols,
                               const std::function<void(int64_t row, std::span<float> values)>& row) {
  const Made made = Make("f32", {rows, cols}).value();
  auto* values = reinterpret_cast<float*>(made.data);
  for (int64_t r = 0; r < rows; ++r) row(r, {values + r * cols, static_cast<size_t>(cols)});
  return made.tensor;
}

Tensor QuantReader::Pack(int64_t rows, int64_t cols, const RowFn& row) {
  std::vector<int16_t> codes(static_cast<size_t>(cols));
  std::vector<float> scales(codes.size());
  const Format* format = ChooseFormat(rows, cols, row);
  if (format == nullptr) {
    return PackFloats(rows, cols, [&](int64_t r, std::span<float> values) {
      row(r, codes, scales);
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(codes[i]) * scales[i];
    });
  }
  const Made made = Make(format->name, {rows, cols}).value();
  uint8_t* out = made.data;
  for (int64_t r = 0; r < rows; ++r) {
    row(r, codes, scales);
    if (format->name == kSparse) {
      PutSparseRow(codes.data(), codes.size(), scales[0], out);
      out += made.tensor.row_bytes();
      continue;
    }
    for (size_t i = 0; i < codes.size(); i += kIntBlockWeights, out += format->block_bytes)
      PutIntBlock(*format, codes.data() + i, scales[i], out);
  }
  return made.tensor;
}

}  // namespace tern
