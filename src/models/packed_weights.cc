#include "models/packed_weights.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstring>

#include "base/float16.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr int64_t kBlock = 32;     // of q4_0 and q8_0
constexpr size_t kScaleBytes = 2;  // before a block's codes
constexpr int kCodesPerWord = 8;   // of 4 bits

template <class T>
void Put(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

bool IsInt8(const Tensor& tensor) { return tensor.format->name == "q8_0"; }

const uint8_t* BlockOf(const Tensor& tensor, int64_t row, int64_t column) {
  return static_cast<const uint8_t*>(tensor.row(row)) +
         BlockOffset(*tensor.format, static_cast<size_t>(column / kBlock * kBlock));
}

float ScaleAt(const Tensor& tensor, int64_t row, int64_t column) {
  uint16_t bits;
  std::memcpy(&bits, BlockOf(tensor, row, column), sizeof(bits));
  return F16ToF32(bits);
}

// 0 to 15, 8 being zero: as compressed-tensors packs them, too.
uint32_t CodeAt(const Tensor& tensor, int64_t row, int64_t column) {
  const uint8_t* codes = BlockOf(tensor, row, column) + kScaleBytes;
  const int64_t i = column % kBlock;
  return i < kBlock / 2 ? codes[i] & 15u : codes[i - kBlock / 2] >> 4u;
}

void PutCodes(const Tensor& tensor, int64_t row, std::string* out) {
  const int64_t columns = tensor.cols();
  if (IsInt8(tensor)) {
    for (int64_t column = 0; column < columns; column += kBlock)
      out->append(reinterpret_cast<const char*>(BlockOf(tensor, row, column)) + kScaleBytes, kBlock);
    return;
  }
  for (int64_t column = 0; column < columns; column += kCodesPerWord) {
    uint32_t word = 0;
    for (int64_t i = 0; i < kCodesPerWord; ++i) word |= CodeAt(tensor, row, column + i) << 4 * i;
    Put(word, out);
  }
}

}  // namespace

Result<std::vector<PackedPart>> PackForCompressedTensors(const Tensor& tensor, const PackedForm& form,
                                                         const std::vector<int64_t>& rows) {
  const int64_t out = tensor.rows(), in = tensor.cols();
  const int64_t group = form.group == 0 ? in : form.group;
  const bool known =
      IsInt8(tensor) ? form.bits == 8 && form.group == 0 : tensor.format->name == "q4_0" && form.bits == 4;
  if (!known || in % group != 0) {
    return Unsupported(fmt::format(
        "{} in groups of {}: compressed-tensors takes 4 bits in groups or rows and 8 bits in rows",
        tensor.format->name, group));
  }
  std::string codes, scales;
  for (int64_t r = 0; r < out; ++r) {
    const int64_t row = rows.empty() ? r : rows[static_cast<size_t>(r)];
    PutCodes(tensor, row, &codes);
    for (int64_t first = 0; first < in; first += group) {
      const float scale = ScaleAt(tensor, row, first);
      for (int64_t column = first; column < first + group; column += kBlock) {
        if (ScaleAt(tensor, row, column) != scale)
          return BadInput(fmt::format("row {}: scales differ within a group of {} weights", row, group));
      }
      Put(F32ToBf16(scale), &scales);
    }
  }
  const int64_t groups = in / group;
  if (IsInt8(tensor)) {
    return std::vector<PackedPart>{{".weight", RawType::kI8, {out, in}, std::move(codes)},
                                   {".weight_scale", RawType::kBf16, {out, groups}, std::move(scales)}};
  }
  std::string shape;
  Put(out, &shape);
  Put(in, &shape);
  return std::vector<PackedPart>{
      {".weight_packed", RawType::kI32, {out, in / kCodesPerWord}, std::move(codes)},
      {".weight_scale", RawType::kBf16, {out, groups}, std::move(scales)},
      {".weight_shape", RawType::kI64, {2}, std::move(shape)}};
}

json::object QuantizationConfig(const std::map<std::string, PackedForm>& modules,
                                const std::vector<std::string>& ignored) {
  std::map<std::pair<int64_t, int>, json::array> targets;  // by group and bits
  for (const auto& [module, form] : modules) targets[{form.group, form.bits}].emplace_back(module);
  json::object groups;
  const bool mixed = targets.size() > 1;
  std::string all = mixed ? "mixed-precision" : "";
  for (auto& [form, names] : targets) {
    const auto [group, bits] = form;
    const std::string format = bits == 8 ? "int-quantized" : "pack-quantized";
    if (!mixed) all = format;
    json::object weights = {{"num_bits", bits},
                            {"type", "int"},
                            {"symmetric", true},
                            {"dynamic", false},
                            {"strategy", group == 0 ? "channel" : "group"}};
    if (group != 0) weights["group_size"] = group;
    groups[fmt::format("group_{}", groups.size())] = json::object{{"targets", std::move(names)},
                                                                  {"weights", std::move(weights)},
                                                                  {"input_activations", nullptr},
                                                                  {"output_activations", nullptr},
                                                                  {"format", format}};
  }
  return {{"quant_method", "compressed-tensors"},
          {"format", all},
          {"quantization_status", "compressed"},
          {"config_groups", std::move(groups)},
          {"ignore", json::array(ignored.begin(), ignored.end())}};
}

}  // namespace tern
