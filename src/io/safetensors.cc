#include "io/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>

#include "base/checked.h"
#include "io/field_reader.h"
#include "io/header_bytes.h"
#include "io/json_text.h"

namespace tern {
namespace {

namespace json = boost::json;

constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;
constexpr size_t kMaxDims = 8;
constexpr size_t kMaxNameBytes = 512;

struct RawTypeInfo {
  std::string_view name;
  size_t bytes;
};
// In the order of RawType.
constexpr RawTypeInfo kTypes[] = {{"BOOL", 1},    {"U8", 1},      {"I8", 1},  {"F8_E4M3", 1},
                                  {"F8_E5M2", 1}, {"F8_E8M0", 1}, {"I16", 2}, {"U16", 2},
                                  {"F16", 2},     {"BF16", 2},    {"I32", 4}, {"U32", 4},
                                  {"F32", 4},     {"I64", 8},     {"U64", 8}, {"F64", 8}};

struct Entry {
  std::string name;
  RawTensor tensor;
  uint64_t begin = 0, end = 0;
};

class HeaderReader {
 public:
  HeaderReader(std::string_view file_name, std::span<const std::byte> data)
      : file_name_(file_name), data_(data) {}

  Result<Entry> Read(std::string_view name, const json::value& value) const {
    const bool is_plain = std::all_of(name.begin(), name.end(), [](char c) { return c < 0 || c >= ' '; });
    if (name.empty() || name.size() > kMaxNameBytes || !is_plain)
      return Bad(name, fmt::format("name: expected 1 to {} bytes, no control characters", kMaxNameBytes));
    Entry entry;
    entry.name = name;
    const json::object* fields = value.if_object();
    if (fields == nullptr) return Bad(name, "is no object, expected dtype, shape and data_offsets");
    TERN_TRY_STATUS(ReadType(name, *fields, entry.tensor.type));
    TERN_TRY_STATUS(ReadShape(name, *fields, entry.tensor.shape));
    uint64_t offsets[2] = {};
    TERN_TRY_STATUS(ReadOffsets(name, *fields, offsets));
    entry.begin = offsets[0];
    entry.end = offsets[1];
    TERN_TRY_STATUS(CheckSize(entry));
    entry.tensor.data = data_.data() + entry.begin;
    return entry;
  }

 private:
  Error Bad(std::string_view name, std::string_view problem) const {
    return BadInput(fmt::format("{}: tensor {}: {}", file_name_, Quote(name), problem));
  }

  Status ReadType(std::string_view name, const json::object& fields, RawType& type) const {
    const json::value* value = fields.if_contains("dtype");
    if (value == nullptr || !value->is_string()) return Bad(name, "dtype: missing, expected a string");
    const std::string_view text = value->get_string();
    for (size_t i = 0; i < std::size(kTypes); ++i) {
      if (kTypes[i].name != text) continue;
      type = static_cast<RawType>(i);
      return {};
    }
    std::string known;
    for (const RawTypeInfo& info : kTypes) known += (known.empty() ? "" : ", ") + std::string(info.name);
    return Bad(name, fmt::format("dtype: {}, supported: {}", Quote(text), known));
  }

  Status ReadShape(std::string_view name, const json::object& fields, Shape& shape) const {
    const json::value* value = fields.if_contains("shape");
    const json::array* dims = value == nullptr ? nullptr : value->if_array();
    if (dims == nullptr || dims->size() > kMaxDims) {
      return Bad(name, fmt::format("shape: expected an array of at most {} sizes", kMaxDims));
    }
    for (const json::value& dim : *dims) {
      uint64_t size = 0;
      if (!ReadSize(dim, &size)) return Bad(name, "shape: expected whole numbers from 0 to 2^53");
      shape.push_back(static_cast<int64_t>(size));
    }
    return {};
  }

  Status ReadOffsets(std::string_view name, const json::object& fields, uint64_t (&offsets)[2]) const {
    const json::value* value = fields.if_contains("data_offsets");
    const json::array* pair = value == nullptr ? nullptr : value->if_array();
    if (pair == nullptr || pair->size() != 2 || !ReadSize((*pair)[0], &offsets[0]) ||
        !ReadSize((*pair)[1], &offsets[1])) {
      return Bad(name, "data_offsets: expected two whole numbers");
    }
    if (offsets[0] > offsets[1] || offsets[1] > data_.size()) {
      return Bad(name, fmt::format("data_offsets: {} to {}, but the file holds {} bytes of data", offsets[0],
                                   offsets[1], data_.size()));
    }
    return {};
  }

  Status CheckSize(const Entry& entry) const {
    CheckedSize bytes(RawTypeBytes(entry.tensor.type));
    for (const int64_t dim : entry.tensor.shape) bytes = bytes * static_cast<uint64_t>(dim);
    TERN_TRY(const size_t expected, bytes.Get(fmt::format("{}: tensor {}", file_name_, Quote(entry.name))));
    if (expected == entry.end - entry.begin) return {};
    return Bad(entry.name,
               fmt::format("data_offsets: {} bytes, expected {} for {} {}", entry.end - entry.begin, expected,
                           RawTypeName(entry.tensor.type), ToString(entry.tensor.shape)));
  }

  static bool ReadSize(const json::value& value, uint64_t* out) {
    constexpr uint64_t kMax = uint64_t{1} << 53;
    if (value.is_int64() && value.get_int64() >= 0)
      *out = static_cast<uint64_t>(value.get_int64());
    else if (value.is_uint64())
      *out = value.get_uint64();
    else
      return false;
    return *out <= kMax;
  }

  std::string_view file_name_;
  std::span<const std::byte> data_;
};

// The tensors follow each other from the first byte of data to the last.
Status CheckCover(std::vector<Entry>& entries, size_t data_bytes, std::string_view file_name) {
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at) {
      return BadInput(
          fmt::format("{}: tensor {}: data_offsets: starts at {}, expected {}: tensors may neither "
                      "overlap nor leave holes",
                      file_name, Quote(entry.name), entry.begin, at));
    }
    at = entry.end;
  }
  if (at == data_bytes) return {};
  return BadInput(
      fmt::format("{}: its tensors end at byte {} of the data, the file has {}", file_name, at, data_bytes));
}

Result<std::string> Encode(std::span<const std::byte> file, std::string_view name) {
  TERN_TRY(const NamedRawTensors tensors, ParseSafetensors(file, name));
  HeaderWriter out;
  out.Count(tensors.size());
  for (const auto& [tensor_name, tensor] : tensors) {
    const auto offset = static_cast<const std::byte*>(tensor.data) - file.data();
    out.Tensor({.name = tensor_name,
                .type = static_cast<uint32_t>(tensor.type),
                .shape = tensor.shape,
                .offset = static_cast<uint64_t>(offset)});
  }
  return out.Take();
}

// Makes sure of no more than that all may be read: the parser has found what users should be told.
bool Place(const HeaderTensor& tensor, std::span<const std::byte> file, RawTensor* out) {
  if (tensor.type >= std::size(kTypes) || tensor.shape.size() > kMaxDims) return false;
  CheckedSize bytes(kTypes[tensor.type].bytes);
  for (const int64_t size : tensor.shape) {
    if (size < 0) return false;
    bytes = bytes * static_cast<uint64_t>(size);
  }
  *out = {static_cast<RawType>(tensor.type), tensor.shape, DataAt(file, tensor.offset, bytes)};
  return out->data != nullptr;
}

}  // namespace

std::string_view RawTypeName(RawType type) { return kTypes[static_cast<size_t>(type)].name; }
size_t RawTypeBytes(RawType type) { return kTypes[static_cast<size_t>(type)].bytes; }

Result<NamedRawTensors> ParseSafetensors(std::span<const std::byte> file, std::string_view name) {
  uint64_t header_bytes = 0;
  if (file.size() < sizeof(header_bytes)) {
    return BadInput(fmt::format("{}: {} bytes, expected a safetensors header", name, file.size()));
  }
  std::memcpy(&header_bytes, file.data(), sizeof(header_bytes));
  file = file.subspan(sizeof(header_bytes));
  if (header_bytes > kMaxSafetensorsHeader || header_bytes > file.size()) {
    return BadInput(fmt::format("{}: header: {} bytes, expected at most {}", name, header_bytes,
                                std::min<uint64_t>(kMaxSafetensorsHeader, file.size())));
  }
  const std::string_view text(reinterpret_cast<const char*>(file.data()), header_bytes);
  const std::span<const std::byte> data = file.subspan(header_bytes);
  if (!text.starts_with('{'))
    return BadInput(fmt::format("{}: header: expected JSON that starts with '{{'", name));
  TERN_TRY(const json::value header, ParseJson(text, fmt::format("{}: header", name), 8));
  if (const std::string_view twice = RepeatedKey(text); !twice.empty()) {
    return BadInput(
        fmt::format("{}: tensor {}: is described twice", name, Quote(twice.substr(1, twice.size() - 2))));
  }
  std::vector<Entry> entries;
  const HeaderReader reader(name, data);
  for (const json::key_value_pair& field : header.get_object()) {
    if (field.key() == "__metadata__") continue;
    TERN_TRY(Entry entry, reader.Read(field.key(), field.value()));
    entries.push_back(std::move(entry));
  }
  TERN_TRY_STATUS(CheckCover(entries, data.size(), name));
  NamedRawTensors tensors;
  tensors.reserve(entries.size());
  for (Entry& entry : entries) tensors.emplace_back(std::move(entry.name), std::move(entry.tensor));
  return tensors;
}

Result<NamedRawTensors> ReadSafetensors(std::span<const std::byte> file, std::string_view name,
                                        Isolation isolation) {
  if (isolation == Isolation::kNone) return ParseSafetensors(file, name);
  TERN_TRY(const std::string header, RunEncoder(Encode, file, name, isolation));
  HeaderDecoder in(header, file);
  uint64_t count = 0;
  if (!in.TensorCount(&count)) return DamagedHeader(name);
  NamedRawTensors tensors;
  tensors.reserve(count);
  HeaderTensor tensor;
  RawTensor placed;
  for (uint64_t i = 0; i < count; ++i) {
    if (!in.NextTensor(&tensor) || !Place(tensor, file, &placed)) return DamagedHeader(name);
    tensors.emplace_back(std::string(tensor.name), std::move(placed));
  }
  if (!in.at_end()) return DamagedHeader(name);
  return tensors;
}

}  // namespace tern
