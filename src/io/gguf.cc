#include "io/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>

#include "base/checked.h"
#include "base/utf8.h"
#include "io/cursor.h"

namespace tern {
namespace {

constexpr uint64_t kMinKeyBytes = 8 + 1 + 4 + 1;         // length, one letter, type, a byte of value
constexpr uint64_t kMinTensorBytes = 8 + 1 + 4 + 4 + 8;  // length, one letter, dims, type, offset
constexpr uint64_t kMinStringBytes = 8;                  // its length
constexpr size_t kReserve = 1024;  // growth does the rest: a count is a claim until its elements were read

// Text from a file, fit for a one-line message.
std::string Quote(std::string_view text) {
  constexpr size_t kMost = 80;
  std::string quoted = "\"";
  for (const char c : text.substr(0, kMost)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      quoted += c;
    } else {
      quoted += fmt::format("\\x{:02x}", byte);
    }
  }
  return quoted + (text.size() > kMost ? "...\"" : "\"");
}

// What stands at the start of files that people take for a model.
std::string_view GuessKind(std::string_view start) {
  if (start.starts_with("version https://git-lfs")) return " (a Git LFS pointer: the model was not fetched)";
  if (start.starts_with("<")) return " (looks like a web page)";
  if (start.starts_with("PK")) return " (a zip archive)";
  if (start.starts_with("lmgg") || start.starts_with("tjgg")) return " (GGML, older than GGUF)";
  return "";
}

class Parser {
 public:
  Parser(std::span<const std::byte> file, std::string_view name) : file_(file), cursor_(file), name_(name) {}
  Result<GgufFile> Parse();

 private:
  // The part of the file being read, for messages.
  struct Place {
    std::string_view kind;           // "metadata key", "tensor"; "": the header's start
    std::string_view name = {};      // "": not read yet
    uint64_t number = 0, count = 0;  // from 1
  };
  // The problem with the file, the key or tensor, and the offset in front of it.
  Error Bad(std::string_view problem) const {
    std::string place = "header";
    if (!place_.kind.empty()) place = fmt::format("{} {}", place_.kind, Quote(place_.name));
    if (!place_.kind.empty() && place_.name.empty()) {
      place = fmt::format("{} {} of {}", place_.kind, place_.number, place_.count);
    }
    return BadInput(fmt::format("{}: {} (offset {}): {}", name_, place, cursor_.position(), problem));
  }
  Error Ends(std::string_view field, uint64_t bytes) const {
    return Bad(fmt::format("{} needs {} bytes, the file has {} left", field, bytes, cursor_.remaining()));
  }
  template <class T>
  Status Read(std::string_view field, T* out) {
    return cursor_.Read(out) ? Status() : Ends(field, sizeof(T));
  }
  Status ReadString(std::string_view field, uint64_t most_bytes, std::string_view* out);
  Status ReadName(std::string_view field, std::string_view* out);
  Status ReadCount(std::string_view field, uint64_t min_bytes, uint64_t most, uint64_t* out);

  Status ReadStart();
  Status ReadMetadata();
  template <class T>
  Result<MetaValue> Scalar();
  Result<MetaValue> ReadValue(GgufValue type);
  template <class T, class V>
  Result<MetaValue> NumberArray(uint64_t count);
  Result<MetaValue> StringArray(uint64_t count);
  Result<MetaValue> BoolArray(uint64_t count);
  Result<MetaValue> ReadArray();

  struct Placed {
    uint64_t offset, bytes;  // within the data section, within the file
    uint32_t tensor;
  };
  Status ReadAlignment();
  Status ReadTensors();
  Status ReadTensor();
  Result<Shape> ReadShape();
  Result<uint64_t> TensorBytes(const Format& format, const Shape& shape) const;
  Status PlaceTensors();
  Status CheckOverlaps();

  std::span<const std::byte> file_;
  Cursor cursor_;
  std::string_view name_;
  Place place_;
  uint64_t key_count_ = 0, tensor_count_ = 0;
  uint64_t alignment_ = 32;
  std::vector<Placed> placed_;
  GgufFile result_;
};

Status Parser::ReadString(std::string_view field, uint64_t most_bytes, std::string_view* out) {
  uint64_t bytes = 0;
  TERN_TRY_STATUS(Read(field, &bytes));
  if (bytes > most_bytes) {
    return Bad(fmt::format("{} has a length of {} bytes, expected at most {}", field, bytes, most_bytes));
  }
  return cursor_.ReadText(bytes, out) ? Status() : Ends(field, bytes);
}

// A key or tensor name: not empty, valid UTF-8.
Status Parser::ReadName(std::string_view field, std::string_view* out) {
  TERN_TRY_STATUS(ReadString(field, GgufLimits::kNameBytes, out));
  if (out->empty()) return Bad(fmt::format("{} is empty", field));
  if (!IsUtf8(*out)) return Bad(fmt::format("{} {} is not valid UTF-8", field, Quote(*out)));
  return {};
}

// A count of things that take at least `min_bytes` each: compared with what the file can hold, then the
// limit.
Status Parser::ReadCount(std::string_view field, uint64_t min_bytes, uint64_t most, uint64_t* out) {
  TERN_TRY_STATUS(Read(field, out));
  const uint64_t room = cursor_.remaining() / min_bytes;
  if (*out > room) {
    return Bad(fmt::format("{} is {}, the file has room for at most {}", field, *out, room));
  }
  if (*out > most) return Bad(fmt::format("{} is {}, expected at most {}", field, *out, most));
  return {};
}

Status Parser::ReadStart() {
  std::string_view magic;
  if (!cursor_.ReadText(4, &magic)) return Ends("magic", 4);
  if (magic != "GGUF") {
    const std::string_view start(reinterpret_cast<const char*>(file_.data()),
                                 std::min<size_t>(32, file_.size()));
    return BadInput(fmt::format("{}: not a GGUF file: starts with {}, expected \"GGUF\"{}", name_,
                                Quote(magic), GuessKind(start)));
  }
  uint32_t version = 0;
  TERN_TRY_STATUS(Read("version", &version));
  const uint32_t swapped = __builtin_bswap32(version);
  if (swapped >= 1 && swapped <= 3) {
    return Unsupported(
        fmt::format("{}: version {}: a big-endian GGUF file, expected little-endian", name_, swapped));
  }
  if (version != 2 && version != 3) {
    return Unsupported(fmt::format("{}: version {}, expected 2 or 3", name_, version));
  }
  // Tensors first on disk; both counts share the bytes that remain.
  TERN_TRY_STATUS(ReadCount("tensor count", kMinTensorBytes, GgufLimits::kTensors, &tensor_count_));
  return ReadCount("metadata key count", kMinKeyBytes, GgufLimits::kKeys, &key_count_);
}

Status Parser::ReadMetadata() {
  for (uint64_t i = 0; i < key_count_; ++i) {
    place_ = {.kind = "metadata key", .number = i + 1, .count = key_count_};
    std::string_view key;
    TERN_TRY_STATUS(ReadName("key", &key));
    place_.name = key;
    if (result_.metadata.Has(key)) return Bad("occurs twice");
    uint32_t type = 0;
    TERN_TRY_STATUS(Read("value type", &type));
    TERN_TRY(MetaValue value, ReadValue(static_cast<GgufValue>(type)));
    result_.metadata.Set(std::string(key), std::move(value));
  }
  return {};
}

template <class T>
Result<MetaValue> Parser::Scalar() {
  T value{};
  TERN_TRY_STATUS(Read("value", &value));
  if constexpr (std::is_floating_point_v<T>)
    return MetaValue(static_cast<double>(value));
  else if constexpr (std::is_signed_v<T>)
    return MetaValue(static_cast<int64_t>(value));
  else
    return MetaValue(static_cast<uint64_t>(value));
}

Result<MetaValue> Parser::ReadValue(GgufValue type) {
  switch (type) {
    case GgufValue::kUint8:
      return Scalar<uint8_t>();
    case GgufValue::kInt8:
      return Scalar<int8_t>();
    case GgufValue::kUint16:
      return Scalar<uint16_t>();
    case GgufValue::kInt16:
      return Scalar<int16_t>();
    case GgufValue::kUint32:
      return Scalar<uint32_t>();
    case GgufValue::kInt32:
      return Scalar<int32_t>();
    case GgufValue::kUint64:
      return Scalar<uint64_t>();
    case GgufValue::kInt64:
      return Scalar<int64_t>();
    case GgufValue::kFloat32:
      return Scalar<float>();
    case GgufValue::kFloat64:
      return Scalar<double>();
    case GgufValue::kBool: {
      uint8_t value = 0;
      TERN_TRY_STATUS(Read("value", &value));
      if (value > 1) return Bad(fmt::format("bool is {}, expected 0 or 1", value));
      return MetaValue(value == 1);
    }
    case GgufValue::kString: {
      std::string_view text;
      TERN_TRY_STATUS(ReadString("string", GgufLimits::kStringBytes, &text));
      return MetaValue(std::string(text));
    }
    case GgufValue::kArray:
      return ReadArray();
  }
  return Bad(fmt::format("value type is {}, expected 0 to 12", static_cast<uint32_t>(type)));
}

template <class T, class V>
Result<MetaValue> Parser::NumberArray(uint64_t count) {
  std::vector<V> values;
  if (!cursor_.ReadArray<T>(count, &values)) return Ends("array", count * sizeof(T));
  return MetaValue(std::move(values));
}

Result<MetaValue> Parser::StringArray(uint64_t count) {
  std::vector<std::string> values;
  values.reserve(std::min<size_t>(count, kReserve));
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view text;
    TERN_TRY_STATUS(ReadString("string in array", GgufLimits::kStringBytes, &text));
    values.emplace_back(text);
  }
  return MetaValue(std::move(values));
}

Result<MetaValue> Parser::BoolArray(uint64_t count) {
  std::vector<bool> values;
  values.reserve(std::min<size_t>(count, kReserve));
  for (uint64_t i = 0; i < count; ++i) {
    uint8_t value = 0;
    TERN_TRY_STATUS(Read("bool in array", &value));
    if (value > 1) return Bad(fmt::format("element {} of a bool array is {}, expected 0 or 1", i, value));
    values.push_back(value == 1);
  }
  return MetaValue(std::move(values));
}

// Bytes of an array element of this type, at least; 0: no type that an array may have.
uint64_t MinElementBytes(uint32_t type) {
  switch (static_cast<GgufValue>(type)) {
    case GgufValue::kUint8:
    case GgufValue::kInt8:
    case GgufValue::kBool:
      return 1;
    case GgufValue::kUint16:
    case GgufValue::kInt16:
      return 2;
    case GgufValue::kUint32:
    case GgufValue::kInt32:
    case GgufValue::kFloat32:
      return 4;
    case GgufValue::kUint64:
    case GgufValue::kInt64:
    case GgufValue::kFloat64:
      return 8;
    case GgufValue::kString:
      return kMinStringBytes;
    case GgufValue::kArray:
      return 0;
  }
  return 0;
}

Result<MetaValue> Parser::ReadArray() {
  uint32_t type = 0;
  TERN_TRY_STATUS(Read("array element type", &type));
  if (type == static_cast<uint32_t>(GgufValue::kArray)) {
    return Bad("array of arrays, expected an array of numbers, bools or strings");
  }
  const uint64_t min_bytes = MinElementBytes(type);
  if (min_bytes == 0) return Bad(fmt::format("array element type is {}, expected 0 to 12", type));
  uint64_t count = 0;
  TERN_TRY_STATUS(ReadCount("array length", min_bytes, GgufLimits::kArrayElements, &count));
  switch (static_cast<GgufValue>(type)) {
    case GgufValue::kUint8:
      return NumberArray<uint8_t, uint64_t>(count);
    case GgufValue::kInt8:
      return NumberArray<int8_t, int64_t>(count);
    case GgufValue::kUint16:
      return NumberArray<uint16_t, uint64_t>(count);
    case GgufValue::kInt16:
      return NumberArray<int16_t, int64_t>(count);
    case GgufValue::kUint32:
      return NumberArray<uint32_t, uint64_t>(count);
    case GgufValue::kInt32:
      return NumberArray<int32_t, int64_t>(count);
    case GgufValue::kUint64:
      return NumberArray<uint64_t, uint64_t>(count);
    case GgufValue::kInt64:
      return NumberArray<int64_t, int64_t>(count);
    case GgufValue::kFloat32:
      return NumberArray<float, double>(count);
    case GgufValue::kFloat64:
      return NumberArray<double, double>(count);
    case GgufValue::kBool:
      return BoolArray(count);
    default:
      return StringArray(count);
  }
}

Status Parser::ReadAlignment() {
  const MetaValue* value = result_.metadata.Find("general.alignment");
  if (value == nullptr) return {};
  place_ = {.kind = "metadata key", .name = "general.alignment"};
  TERN_TRY(const int64_t alignment, [&]() -> Result<int64_t> {
    auto number = result_.metadata.Int("general.alignment");
    if (!number.ok()) return Bad("is no integer, expected a power of two");
    return number;
  }());
  const bool in_range = alignment >= static_cast<int64_t>(GgufLimits::kMinAlignment) &&
                        alignment <= static_cast<int64_t>(GgufLimits::kMaxAlignment);
  if (!in_range || !std::has_single_bit(static_cast<uint64_t>(alignment))) {
    return Bad(fmt::format("is {}, expected a power of two from {} to {}", alignment,
                           GgufLimits::kMinAlignment, GgufLimits::kMaxAlignment));
  }
  alignment_ = static_cast<uint64_t>(alignment);
  return {};
}

// Dimensions, turned round: the file lists the fastest first. A tensor without dimensions is one number.
Result<Shape> Parser::ReadShape() {
  uint32_t dims = 0;
  TERN_TRY_STATUS(Read("number of dimensions", &dims));
  if (dims > GgufLimits::kDims) {
    return Bad(fmt::format("has {} dimensions, expected at most {}", dims, GgufLimits::kDims));
  }
  Shape shape(std::max(dims, 1U), 1);
  CheckedSize elements(1);
  for (uint32_t i = 0; i < dims; ++i) {
    uint64_t size = 0;
    TERN_TRY_STATUS(Read("dimension", &size));
    if (size == 0) return Bad(fmt::format("dimension {} is 0, expected at least 1", i));
    elements = elements * size;
    if (elements.overflow() || size > INT64_MAX) {
      return Bad(fmt::format("dimension {} is {}: the number of elements does not fit in 64 bits", i, size));
    }
    shape[dims - 1 - i] = static_cast<int64_t>(size);
  }
  return shape;
}

Result<uint64_t> Parser::TensorBytes(const Format& format, const Shape& shape) const {
  const auto cols = static_cast<uint64_t>(shape.back());
  if (cols % format.block_weights != 0) {
    return Bad(fmt::format("rows have {} elements, {} expects a multiple of {}", cols, format.name,
                           format.block_weights));
  }
  const auto row_bytes = RowBytes(format, cols);
  if (!row_bytes.ok()) return Bad(row_bytes.error().what);
  CheckedSize bytes(row_bytes.value());
  for (size_t i = 0; i + 1 < shape.size(); ++i) bytes = bytes * static_cast<uint64_t>(shape[i]);
  auto total = bytes.Get("");
  if (!total.ok()) return Bad(fmt::format("shape {}: the size does not fit in 64 bits", ToString(shape)));
  return static_cast<uint64_t>(total.value());
}

Status Parser::ReadTensor() {
  std::string_view name;
  TERN_TRY_STATUS(ReadName("tensor name", &name));
  place_.name = name;
  TERN_TRY(Shape shape, ReadShape());
  uint32_t type = 0;
  TERN_TRY_STATUS(Read("type", &type));
  const Format* format = FindGgufType(type);
  if (format == nullptr) {
    const Error error = Bad(fmt::format("type is {}, not one that this build reads", type));
    return Unsupported(error.what);
  }
  uint64_t offset = 0;
  TERN_TRY_STATUS(Read("offset", &offset));
  if (offset % alignment_ != 0) {
    return Bad(
        fmt::format("data offset is {}, expected a multiple of the alignment, {}", offset, alignment_));
  }
  TERN_TRY(const uint64_t bytes, TensorBytes(*format, shape));
  placed_.push_back({offset, bytes, static_cast<uint32_t>(placed_.size())});
  result_.tensors.emplace_back(std::string(name), Tensor{format, std::move(shape), nullptr});
  return {};
}

Status Parser::ReadTensors() {
  // The metadata took its share of the bytes that the count was compared with.
  place_ = {};
  if (tensor_count_ > cursor_.remaining() / kMinTensorBytes) {
    return Bad(fmt::format("tensor count is {}, the file has room for at most {}", tensor_count_,
                           cursor_.remaining() / kMinTensorBytes));
  }
  placed_.reserve(std::min<size_t>(tensor_count_, kReserve));
  result_.tensors.reserve(std::min<size_t>(tensor_count_, kReserve));
  for (uint64_t i = 0; i < tensor_count_; ++i) {
    place_ = {.kind = "tensor", .number = i + 1, .count = tensor_count_};
    TERN_TRY_STATUS(ReadTensor());
  }
  return {};
}

// The data section starts at the next aligned byte; every tensor must lie inside it.
Status Parser::PlaceTensors() {
  if (placed_.empty()) return {};
  const CheckedSize start = CheckedSize(cursor_.position()).AlignUp(alignment_);
  for (const Placed& place : placed_) {
    auto& [name, tensor] = result_.tensors[place.tensor];
    auto end = (start + place.offset + place.bytes).Get(name);
    if (!end.ok() || end.value() > file_.size()) {
      return BadInput(
          fmt::format("{}: tensor {}: {} bytes at offset {} of the data section, which has {} bytes: "
                      "the file is cut short or the offset is wrong",
                      name_, Quote(name), place.bytes, place.offset,
                      file_.size() - std::min<uint64_t>(file_.size(), start.Get("").value())));
    }
    tensor.data = file_.data() + (end.value() - place.bytes);
  }
  return CheckOverlaps();
}

Status Parser::CheckOverlaps() {
  std::sort(placed_.begin(), placed_.end(),
            [](const Placed& a, const Placed& b) { return a.offset < b.offset; });
  for (size_t i = 1; i < placed_.size(); ++i) {
    const Placed &before = placed_[i - 1], &after = placed_[i];
    if (before.offset + before.bytes <= after.offset) continue;
    return BadInput(fmt::format("{}: tensors {} and {} overlap: {} bytes at offset {} and {} bytes at {}",
                                name_, Quote(result_.tensors[before.tensor].first),
                                Quote(result_.tensors[after.tensor].first), before.bytes, before.offset,
                                after.bytes, after.offset));
  }
  return {};
}

Result<GgufFile> Parser::Parse() {
  TERN_TRY_STATUS(ReadStart());
  TERN_TRY_STATUS(ReadMetadata());
  TERN_TRY_STATUS(ReadAlignment());
  TERN_TRY_STATUS(ReadTensors());
  TERN_TRY_STATUS(PlaceTensors());
  auto by_name = SortByName(result_.tensors);
  if (!by_name.ok()) return BadInput(fmt::format("{}: {}", name_, by_name.error().what));
  result_.by_name = std::move(by_name).value();
  return std::move(result_);
}

}  // namespace

Result<std::vector<uint32_t>> SortByName(const NamedTensors& tensors) {
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return tensors[a].first < tensors[b].first; });
  for (size_t i = 1; i < order.size(); ++i) {
    const std::string& name = tensors[order[i]].first;
    if (name == tensors[order[i - 1]].first)
      return BadInput(fmt::format("tensor {} occurs twice", Quote(name)));
  }
  return order;
}

Result<GgufFile> ParseGguf(std::span<const std::byte> file, std::string_view name) {
  return Parser(file, name).Parse();
}

}  // namespace tern
