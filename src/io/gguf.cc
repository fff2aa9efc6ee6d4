#include "io/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <set>

#include "base/checked.h"
#include "io/field_reader.h"
#include "io/gguf_value.h"
#include "io/header_bytes.h"
#include "io/refused_types.h"

namespace tern {
namespace {

constexpr uint64_t kMinKeyBytes = 8 + 1 + 4 + 1;         // length, one letter, type, a byte of value
constexpr uint64_t kMinTensorBytes = 8 + 1 + 4 + 4 + 8;  // length, one letter, dims, type, offset

// What stands at the start of files that people take for a model.
std::string_view GuessKind(std::string_view start) {
  if (start.starts_with("version https://git-lfs")) return " (a Git LFS pointer: the model was not fetched)";
  if (start.starts_with("<")) return " (looks like a web page)";
  if (start.starts_with("PK")) return " (a zip archive)";
  if (start.starts_with("lmgg") || start.starts_with("tjgg")) return " (GGML, older than GGUF)";
  return "";
}

// "bf16 (30), f16 (1), ..."
std::string KnownTypes() {
  std::string types;
  for (const Format* format : AllFormats()) {
    types += fmt::format("{}{} ({})", types.empty() ? "" : ", ", format->name, format->gguf_type);
  }
  return types;
}

// Walks the header twice: the first walk checks every field and allocates nothing, the second writes what it
// says. So a count is believed only when all that it counts has been seen.
class Parser {
 public:
  Parser(std::span<const std::byte> file, std::string_view name)
      : file_(file), name_(name), in_(file, name) {}
  Result<std::string> Encode();

 private:
  Status Walk(bool write);
  Status ReadStart();
  Status ReadMetadata();
  struct Dims {  // as in the file: fastest first
    uint32_t count = 0;
    std::array<uint64_t, GgufLimits::kDims> size = {1, 1, 1, 1};
    Shape ToShape() const;
  };
  struct Placed {
    std::string_view name;
    const Format* format;
    Dims dims;
    uint64_t offset, bytes;  // offset: within the data section
  };
  Status TakeAlignment(const MetaValue& value);
  Status ReadTensors();
  Status ReadTensor();
  Status ReadDims(Dims* dims);
  Result<uint64_t> TensorBytes(const Format& format, const Dims& dims) const;
  Status PlaceTensors();
  Status CheckOverlaps() const;

  std::span<const std::byte> file_;
  std::string_view name_;
  FieldReader in_;
  bool write_ = false;  // second walk
  uint64_t key_count_ = 0, tensor_count_ = 0;
  uint64_t alignment_ = 32;
  std::set<std::string_view> keys_;
  std::vector<Placed> placed_;
  HeaderWriter out_;
};

Status Parser::ReadStart() {
  std::string_view magic;
  if (!in_.cursor().ReadText(4, &magic)) return in_.Ends("magic", 4);
  if (magic != "GGUF") {
    const std::string_view start(reinterpret_cast<const char*>(file_.data()),
                                 std::min<size_t>(32, file_.size()));
    return BadInput(fmt::format("{}: not a GGUF file: starts with {}, expected \"GGUF\"{}", name_,
                                Quote(magic), GuessKind(start)));
  }
  uint32_t version = 0;
  TERN_TRY_STATUS(in_.Read("version", &version));
  const uint32_t swapped = __builtin_bswap32(version);
  if (swapped >= 1 && swapped <= 3) {
    return Unsupported(
        fmt::format("{}: version {}: a big-endian GGUF file, expected little-endian", name_, swapped));
  }
  if (version != 2 && version != 3) {
    return Unsupported(fmt::format("{}: version {}, expected 2 or 3", name_, version));
  }
  // Tensors first on disk; both counts share the bytes that remain.
  TERN_TRY_STATUS(in_.ReadCount("tensor count", kMinTensorBytes, GgufLimits::kTensors, &tensor_count_));
  return in_.ReadCount("metadata key count", kMinKeyBytes, GgufLimits::kKeys, &key_count_);
}

Status Parser::ReadMetadata() {
  for (uint64_t i = 0; i < key_count_; ++i) {
    in_.At({.kind = "metadata key", .number = i + 1, .count = key_count_});
    std::string_view key;
    TERN_TRY_STATUS(in_.ReadName("key", GgufLimits::kNameBytes, &key));
    in_.At({.kind = "metadata key", .name = key});
    uint32_t type = 0;
    TERN_TRY_STATUS(in_.Read("value type", &type));
    const uint64_t begin = in_.cursor().position();
    TERN_TRY(const MetaValue value, CheckGgufValue(type, &in_));
    if (key == "general.alignment") TERN_TRY_STATUS(TakeAlignment(value));
    if (!write_) continue;
    if (!keys_.insert(key).second) return in_.Bad("occurs twice");
    out_.Value(key, type, begin);
  }
  return {};
}

// Of several (an error in the second walk) the last.
Status Parser::TakeAlignment(const MetaValue& value) {
  const auto* as_unsigned = std::get_if<uint64_t>(&value);
  const auto* as_signed = std::get_if<int64_t>(&value);
  if (as_unsigned == nullptr && as_signed == nullptr)
    return in_.Bad("is no integer, expected a power of two");
  const uint64_t size = as_unsigned != nullptr ? *as_unsigned : static_cast<uint64_t>(*as_signed);
  if (size < GgufLimits::kMinAlignment || size > GgufLimits::kMaxAlignment || !std::has_single_bit(size)) {
    return in_.Bad(
        fmt::format("is {}, expected a power of two from {} to {}",
                    as_unsigned != nullptr ? fmt::to_string(*as_unsigned) : fmt::to_string(*as_signed),
                    GgufLimits::kMinAlignment, GgufLimits::kMaxAlignment));
  }
  alignment_ = size;
  return {};
}

// Slowest first. A tensor without dimensions is one number.
Shape Parser::Dims::ToShape() const {
  Shape shape(std::max(count, 1U), 1);
  for (uint32_t i = 0; i < count; ++i) shape[count - 1 - i] = static_cast<int64_t>(size[i]);
  return shape;
}

Status Parser::ReadDims(Dims* dims) {
  TERN_TRY_STATUS(in_.Read("number of dimensions", &dims->count));
  if (dims->count > GgufLimits::kDims) {
    return in_.Bad(fmt::format("has {} dimensions, expected at most {}", dims->count, GgufLimits::kDims));
  }
  CheckedSize elements(1);
  for (uint32_t i = 0; i < dims->count; ++i) {
    uint64_t& size = dims->size[i];
    TERN_TRY_STATUS(in_.Read("dimension", &size));
    if (size == 0) return in_.Bad(fmt::format("dimension {} is 0, expected at least 1", i));
    elements = elements * size;
    if (elements.overflow() || size > INT64_MAX) {
      return in_.Bad(
          fmt::format("dimension {} is {}: the number of elements does not fit in 64 bits", i, size));
    }
  }
  return {};
}

Result<uint64_t> Parser::TensorBytes(const Format& format, const Dims& dims) const {
  const uint64_t cols = dims.size[0];
  if (cols % format.block_weights != 0) {
    return in_.Bad(fmt::format("rows have {} elements, {} expects a multiple of {}", cols, format.name,
                               format.block_weights));
  }
  const auto row_bytes = RowBytes(format, cols);
  if (!row_bytes.ok()) return in_.Bad(row_bytes.error().what);
  const CheckedSize bytes = CheckedSize(row_bytes.value()) * dims.size[1] * dims.size[2] * dims.size[3];
  if (bytes.overflow()) {
    return in_.Bad(fmt::format("shape {}: the size does not fit in 64 bits", ToString(dims.ToShape())));
  }
  return static_cast<uint64_t>(bytes.Get("").value());
}

Status Parser::ReadTensor() {
  std::string_view name;
  TERN_TRY_STATUS(in_.ReadName("tensor name", GgufLimits::kNameBytes, &name));
  in_.At({.kind = "tensor", .name = name});
  Dims dims;
  TERN_TRY_STATUS(ReadDims(&dims));
  uint32_t type = 0;
  TERN_TRY_STATUS(in_.Read("type", &type));
  const Format* format = FindGgufType(type);
  if (format == nullptr) {
    const std::string known = DescribeRefusedType(type);
    const std::string what = known.empty() ? fmt::format("type is {}, expected one of {}", type, KnownTypes())
                                           : fmt::format("type is {}, {}", type, known);
    return Unsupported(in_.Bad(what).what);
  }
  uint64_t offset = 0;
  TERN_TRY_STATUS(in_.Read("offset", &offset));
  if (offset % alignment_ != 0) {
    return in_.Bad(
        fmt::format("data offset is {}, expected a multiple of the alignment, {}", offset, alignment_));
  }
  TERN_TRY(const uint64_t bytes, TensorBytes(*format, dims));
  if (write_) placed_.push_back({name, format, dims, offset, bytes});
  return {};
}

Status Parser::ReadTensors() {
  // The metadata took its share of the bytes that the count was compared with.
  in_.At({});
  TERN_TRY_STATUS(in_.CheckRoom("tensor count", tensor_count_, kMinTensorBytes));
  if (write_) placed_.reserve(tensor_count_);
  for (uint64_t i = 0; i < tensor_count_; ++i) {
    in_.At({.kind = "tensor", .number = i + 1, .count = tensor_count_});
    TERN_TRY_STATUS(ReadTensor());
  }
  return {};
}

// The data section starts at the next aligned byte; every tensor must lie inside it.
Status Parser::PlaceTensors() {
  out_.Count(placed_.size());
  if (placed_.empty()) return {};
  const CheckedSize start = CheckedSize(in_.cursor().position()).AlignUp(alignment_);
  for (const Placed& place : placed_) {
    const CheckedSize begin = start + place.offset, end = begin + place.bytes;
    if (end.overflow() || end.Get("").value() > file_.size()) {
      return BadInput(
          fmt::format("{}: tensor {}: {} bytes at offset {} of the data section, which has {} bytes: "
                      "the file is cut short or the offset is wrong",
                      name_, Quote(place.name), place.bytes, place.offset,
                      file_.size() - std::min<uint64_t>(file_.size(), start.Get("").value())));
    }
    out_.Tensor({.name = place.name,
                 .type = place.format->gguf_type,
                 .shape = place.dims.ToShape(),
                 .offset = begin.Get("").value()});
  }
  std::sort(placed_.begin(), placed_.end(),
            [](const Placed& a, const Placed& b) { return a.offset < b.offset; });
  return CheckOverlaps();
}

Status Parser::CheckOverlaps() const {
  for (size_t i = 1; i < placed_.size(); ++i) {
    const Placed &before = placed_[i - 1], &after = placed_[i];
    if (before.offset + before.bytes <= after.offset) continue;
    return BadInput(fmt::format("{}: tensors {} and {} overlap: {} bytes at offset {} and {} bytes at {}",
                                name_, Quote(before.name), Quote(after.name), before.bytes, before.offset,
                                after.bytes, after.offset));
  }
  return {};
}

Status Parser::Walk(bool write) {
  write_ = write;
  in_ = FieldReader(file_, name_);
  TERN_TRY_STATUS(ReadStart());
  if (write_) out_.Count(key_count_);
  TERN_TRY_STATUS(ReadMetadata());
  return ReadTensors();
}

Result<std::string> Parser::Encode() {
  TERN_TRY_STATUS(Walk(/*write=*/false));
  TERN_TRY_STATUS(Walk(/*write=*/true));
  TERN_TRY_STATUS(PlaceTensors());
  return out_.Take();
}

Result<std::string> Encode(std::span<const std::byte> file, std::string_view name) {
  return Parser(file, name).Encode();
}

// Makes sure of no more than that all may be read: the parser has found what users should be told.
bool Place(const HeaderTensor& tensor, std::span<const std::byte> file, Tensor* out) {
  const Format* format = FindGgufType(tensor.type);
  const auto is_size = [](int64_t size) { return size > 0; };
  if (format == nullptr || tensor.shape.empty() || tensor.shape.size() > GgufLimits::kDims ||
      !std::all_of(tensor.shape.begin(), tensor.shape.end(), is_size)) {
    return false;
  }
  const Result<size_t> row_bytes = RowBytes(*format, static_cast<uint64_t>(tensor.shape.back()));
  if (!row_bytes.ok()) return false;
  CheckedSize elements(1), bytes(row_bytes.value());
  for (const int64_t size : tensor.shape) elements = elements * static_cast<uint64_t>(size);
  for (size_t i = 0; i + 1 < tensor.shape.size(); ++i) bytes = bytes * static_cast<uint64_t>(tensor.shape[i]);
  *out = {format, tensor.shape, DataAt(file, tensor.offset, bytes)};
  return out->data != nullptr && !elements.overflow();
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

Result<GgufFile> DecodeGgufHeader(std::string_view header, std::span<const std::byte> file,
                                  std::string_view name) {
  HeaderDecoder in(header, file);
  GgufFile result;
  uint64_t tensors = 0;
  if (!in.Values(&result.metadata) || !in.TensorCount(&tensors)) return DamagedHeader(name);
  result.tensors.reserve(tensors);
  HeaderTensor tensor;
  Tensor placed;
  for (uint64_t i = 0; i < tensors; ++i) {
    if (!in.NextTensor(&tensor) || !Place(tensor, file, &placed)) return DamagedHeader(name);
    result.tensors.emplace_back(std::string(tensor.name), std::move(placed));
  }
  if (!in.at_end()) return DamagedHeader(name);
  auto by_name = SortByName(result.tensors);
  if (!by_name.ok()) return BadInput(fmt::format("{}: {}", name, by_name.error().what));
  result.by_name = std::move(by_name).value();
  return result;
}

Result<GgufFile> ReadGguf(std::span<const std::byte> file, std::string_view name, Isolation isolation) {
  TERN_TRY(const std::string header, RunEncoder(Encode, file, name, isolation));
  return DecodeGgufHeader(header, file, name);
}

}  // namespace tern
