#include "io/gguf_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <type_traits>
#include <utility>

#include "base/checked.h"
#include "base/utf8.h"
#include "io/gguf_value.h"

namespace tern {
namespace {

constexpr uint32_t kVersion = 3;
constexpr uint64_t kDefaultAlignment = 32;

// Keys that other readers expect in a type narrower than 32 bits.
constexpr std::pair<std::string_view, GgufType> kNarrowKeys[] = {
    {"split.no", GgufType::kUint16},
    {"split.count", GgufType::kUint16},
    {"tokenizer.ggml.precompiled_charsmap", GgufType::kUint8},
};

// The types that the numbers of one kind may take on disk, the narrower first.
struct Widths {
  GgufType narrow, wide;
};
template <class V>
constexpr Widths kWidths = std::is_floating_point_v<V> ? Widths{GgufType::kFloat32, GgufType::kFloat64}
                           : std::is_signed_v<V>       ? Widths{GgufType::kInt32, GgufType::kInt64}
                                                       : Widths{GgufType::kUint32, GgufType::kUint64};

template <class V>
bool FitsNarrow(V value) {
  if constexpr (std::is_floating_point_v<V>) {
    return !std::isfinite(value) || std::abs(value) <= std::numeric_limits<float>::max();
  } else if constexpr (std::is_signed_v<V>) {
    return std::in_range<int32_t>(value);
  } else {
    return std::in_range<uint32_t>(value);
  }
}

class HeaderWriter {
 public:
  template <class T>
  void Put(T value) {
    static_assert(std::is_arithmetic_v<T> && std::endian::native == std::endian::little);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void PutType(GgufType type) { Put(static_cast<uint32_t>(type)); }
  void PutString(std::string_view text) {
    Put<uint64_t>(text.size());
    bytes_ += text;
  }
  Status PutKey(const std::string& key, const MetaValue& value);
  void PutTensor(const GgufTensor& tensor, uint64_t offset);
  std::string Take() { return std::move(bytes_); }

 private:
  template <class V>
  void PutNumber(V value, GgufType type);
  template <class V>
  Result<GgufType> TypeOf(const std::string& key, const std::vector<V>& values) const;

  std::string bytes_ = "GGUF";
};

template <class V>
void HeaderWriter::PutNumber(V value, GgufType type) {
  switch (type) {
    case GgufType::kUint8:
      return Put(static_cast<uint8_t>(value));
    case GgufType::kUint16:
      return Put(static_cast<uint16_t>(value));
    case GgufType::kUint32:
      return Put(static_cast<uint32_t>(value));
    case GgufType::kInt32:
      return Put(static_cast<int32_t>(value));
    case GgufType::kFloat32:
      return Put(static_cast<float>(value));
    default:
      return Put(value);
  }
}

// The type on disk for numbers under this key.
template <class V>
Result<GgufType> HeaderWriter::TypeOf(const std::string& key, const std::vector<V>& values) const {
  const auto narrow = std::find_if(std::begin(kNarrowKeys), std::end(kNarrowKeys),
                                   [&](const auto& entry) { return entry.first == key; });
  if (std::is_integral_v<V> && narrow != std::end(kNarrowKeys)) {
    const V most = narrow->second == GgufType::kUint8 ? V{UINT8_MAX} : V{UINT16_MAX};
    for (const V value : values) {
      if (value < V{0} || value > most) {
        return BadInput(fmt::format("{}: {}, expected 0 to {}", key, value, most));
      }
    }
    return narrow->second;
  }
  const bool all_fit = std::all_of(values.begin(), values.end(), [](V value) { return FitsNarrow(value); });
  return all_fit ? kWidths<V>.narrow : kWidths<V>.wide;
}

Status CheckName(std::string_view what, const std::string& name) {
  if (name.empty() || name.size() > GgufLimits::kNameBytes) {
    return BadInput(fmt::format("{} {}: {} bytes long, expected 1 to {}", what, Quote(name), name.size(),
                                GgufLimits::kNameBytes));
  }
  if (!IsUtf8(name)) return BadInput(fmt::format("{} {}: is not valid UTF-8", what, Quote(name)));
  return {};
}

Status HeaderWriter::PutKey(const std::string& key, const MetaValue& value) {
  TERN_TRY_STATUS(CheckName("metadata key", key));
  PutString(key);
  return std::visit(
      [&](const auto& held) -> Status {
        using V = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<V, bool>) {
          PutType(GgufType::kBool);
          Put<uint8_t>(held);
        } else if constexpr (std::is_same_v<V, std::string>) {
          PutType(GgufType::kString);
          PutString(held);
        } else if constexpr (std::is_arithmetic_v<V>) {
          TERN_TRY(const GgufType type, TypeOf(key, std::vector<V>{held}));
          PutType(type);
          PutNumber(held, type);
        } else if constexpr (std::is_same_v<V, std::vector<bool>>) {
          PutType(GgufType::kArray);
          PutType(GgufType::kBool);
          Put<uint64_t>(held.size());
          for (const bool one : held) Put<uint8_t>(one);
        } else if constexpr (std::is_same_v<V, std::vector<std::string>>) {
          PutType(GgufType::kArray);
          PutType(GgufType::kString);
          Put<uint64_t>(held.size());
          for (const std::string& one : held) PutString(one);
        } else {
          TERN_TRY(const GgufType type, TypeOf(key, held));
          PutType(GgufType::kArray);
          PutType(type);
          Put<uint64_t>(held.size());
          for (const auto one : held) PutNumber(one, type);
        }
        return {};
      },
      value);
}

void HeaderWriter::PutTensor(const GgufTensor& tensor, uint64_t offset) {
  PutString(tensor.name);
  Put(static_cast<uint32_t>(tensor.shape.size()));
  for (size_t i = tensor.shape.size(); i-- > 0;) Put(static_cast<uint64_t>(tensor.shape[i]));
  Put(tensor.format->gguf_type);
  Put(offset);
}

Result<uint64_t> AlignmentOf(const Metadata& metadata) {
  TERN_TRY(const int64_t alignment, metadata.Int("general.alignment", int64_t{kDefaultAlignment}));
  const auto value = static_cast<uint64_t>(alignment);
  if (value < GgufLimits::kMinAlignment || value > GgufLimits::kMaxAlignment || !std::has_single_bit(value)) {
    return BadInput(fmt::format("general.alignment: {}, expected a power of two from {} to {}", alignment,
                                GgufLimits::kMinAlignment, GgufLimits::kMaxAlignment));
  }
  return value;
}

Result<uint64_t> TensorBytes(const GgufTensor& tensor) {
  TERN_TRY_STATUS(CheckName("tensor", tensor.name));
  const bool positive =
      std::all_of(tensor.shape.begin(), tensor.shape.end(), [](int64_t d) { return d > 0; });
  if (tensor.shape.empty() || tensor.shape.size() > GgufLimits::kDims || !positive) {
    return BadInput(fmt::format("{}: shape {}, expected 1 to {} positive dimensions", tensor.name,
                                ToString(tensor.shape), GgufLimits::kDims));
  }
  const auto row = RowBytes(*tensor.format, static_cast<uint64_t>(tensor.shape.back()));
  if (!row.ok()) return BadInput(fmt::format("{}: {}", tensor.name, row.error().what));
  CheckedSize bytes(row.value());
  for (size_t i = 0; i + 1 < tensor.shape.size(); ++i) bytes = bytes * static_cast<uint64_t>(tensor.shape[i]);
  TERN_TRY(const size_t total, bytes.Get(tensor.name));
  return static_cast<uint64_t>(total);
}

struct Layout {
  std::string header;  // padded to where the data starts
  uint64_t alignment;
  std::vector<uint64_t> sizes;
};

Result<Layout> LayOut(const Metadata& metadata, std::span<const GgufTensor> tensors) {
  Layout layout;
  TERN_TRY(layout.alignment, AlignmentOf(metadata));
  if (tensors.size() > GgufLimits::kTensors || metadata.all().size() > GgufLimits::kKeys) {
    return BadInput(fmt::format("{} tensors and {} metadata keys, expected at most {} and {}", tensors.size(),
                                metadata.all().size(), GgufLimits::kTensors, GgufLimits::kKeys));
  }
  HeaderWriter header;
  header.Put(kVersion);
  header.Put<uint64_t>(tensors.size());
  header.Put<uint64_t>(metadata.all().size());
  for (const auto& [key, value] : metadata.all()) TERN_TRY_STATUS(header.PutKey(key, value));
  CheckedSize offset(0);
  std::set<std::string_view> names;
  for (const GgufTensor& tensor : tensors) {
    if (!names.insert(tensor.name).second) return BadInput(tensor.name + ": occurs twice");
    TERN_TRY(const uint64_t bytes, TensorBytes(tensor));
    TERN_TRY(const size_t start, offset.AlignUp(layout.alignment).Get(tensor.name));
    header.PutTensor(tensor, start);
    offset = CheckedSize(start) + bytes;
    layout.sizes.push_back(bytes);
  }
  layout.header = header.Take();
  layout.header.resize((layout.header.size() + layout.alignment - 1) & ~(layout.alignment - 1));
  return layout;
}

std::vector<GgufTensor> Describe(const NamedTensors& tensors) {
  std::vector<GgufTensor> described;
  for (const auto& [name, tensor] : tensors) described.push_back({name, tensor.format, tensor.shape});
  return described;
}

std::string_view DataOf(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.data), tensor.row_bytes() * static_cast<size_t>(tensor.rows())};
}

}  // namespace

GgufWriter::GgufWriter(AtomicFile file, uint64_t alignment, std::vector<uint64_t> sizes)
    : file_(std::move(file)), alignment_(alignment), sizes_(std::move(sizes)) {}

Result<GgufWriter> GgufWriter::Create(const std::string& path, const Metadata& metadata,
                                      std::span<const GgufTensor> tensors) {
  auto layout = LayOut(metadata, tensors);
  if (!layout.ok()) return Error{layout.error().code, fmt::format("{}: {}", path, layout.error().what)};
  TERN_TRY(AtomicFile file, AtomicFile::Create(path));
  TERN_TRY_STATUS(file.Append(layout.value().header));
  return GgufWriter(std::move(file), layout.value().alignment, std::move(layout.value().sizes));
}

Status GgufWriter::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (current_ == sizes_.size()) return BadInput("more data than the tensors of the header have");
    const auto piece = static_cast<size_t>(std::min<uint64_t>(bytes.size(), sizes_[current_] - written_));
    TERN_TRY_STATUS(file_.Append(bytes.substr(0, piece)));
    bytes.remove_prefix(piece);
    written_ += piece;
    if (written_ == sizes_[current_]) TERN_TRY_STATUS(Pad());
  }
  return {};
}

// Ends the current tensor.
Status GgufWriter::Pad() {
  const uint64_t padding = (alignment_ - written_ % alignment_) % alignment_;
  TERN_TRY_STATUS(file_.Append(std::string(padding, '\0')));
  ++current_;
  written_ = 0;
  return {};
}

Status GgufWriter::Commit() {
  if (current_ != sizes_.size()) {
    return BadInput(fmt::format("data of {} of {} tensors was written", current_, sizes_.size()));
  }
  return file_.Commit();
}

Status WriteGguf(const std::string& path, const Metadata& metadata, const NamedTensors& tensors) {
  TERN_TRY(GgufWriter writer, GgufWriter::Create(path, metadata, Describe(tensors)));
  for (const auto& [name, tensor] : tensors) TERN_TRY_STATUS(writer.Append(DataOf(tensor)));
  return writer.Commit();
}

Result<std::string> GgufBytes(const Metadata& metadata, const NamedTensors& tensors) {
  TERN_TRY(Layout layout, LayOut(metadata, Describe(tensors)));
  std::string bytes = std::move(layout.header);
  for (const auto& [name, tensor] : tensors) {
    bytes += DataOf(tensor);
    bytes.resize((bytes.size() + layout.alignment - 1) & ~(layout.alignment - 1));
  }
  return bytes;
}

}  // namespace tern
