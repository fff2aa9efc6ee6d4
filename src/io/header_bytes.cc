#include "io/header_bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "io/gguf_value.h"

namespace tern {
namespace {

constexpr uint64_t kMaxDims = 64;
constexpr uint64_t kMinTensorBytes = 8 + 4 + 4 + 8;

std::string ReaderOf(std::string_view name) { return fmt::format("{}: the header's reader", name); }

bool ReadText(Cursor* in, std::string_view* out) {
  uint64_t bytes = 0;
  return in->Read(&bytes) && in->ReadText(bytes, out);
}

// One value where it lies in the file.
class ValueDecoder {
 public:
  explicit ValueDecoder(std::span<const std::byte> file) : in_(file) {}
  bool Decode(uint32_t type, MetaValue* out);

 private:
  bool Array(MetaValue* out);
  template <class T>
  bool Number(MetaValue* out);
  template <class T>
  bool Numbers(MetaValue* out);
  bool Bools(MetaValue* out);
  bool Strings(MetaValue* out);

  Cursor in_;
};

template <class T>
bool ValueDecoder::Number(MetaValue* out) {
  T value{};
  if (!in_.Read(&value)) return false;
  *out = static_cast<WidenedNumber<T>>(value);
  return true;
}

template <class T>
bool ValueDecoder::Numbers(MetaValue* out) {
  uint64_t count = 0;
  std::vector<WidenedNumber<T>> values;
  if (!in_.Read(&count) || !in_.ReadArray<T>(count, &values)) return false;
  *out = std::move(values);
  return true;
}

bool ValueDecoder::Bools(MetaValue* out) {
  uint64_t count = 0;
  std::string_view bytes;
  if (!in_.Read(&count) || !in_.ReadText(count, &bytes)) return false;
  std::vector<bool> values(bytes.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = bytes[i] != 0;
  *out = std::move(values);
  return true;
}

bool ValueDecoder::Strings(MetaValue* out) {
  uint64_t count = 0;
  if (!in_.Read(&count) || count > in_.remaining() / sizeof(uint64_t)) return false;
  std::vector<std::string> values;
  values.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view text;
    if (!ReadText(&in_, &text)) return false;
    values.emplace_back(text);
  }
  *out = std::move(values);
  return true;
}

bool ValueDecoder::Array(MetaValue* out) {
  uint32_t type = 0;
  if (!in_.Read(&type)) return false;
  if (type == static_cast<uint32_t>(GgufType::kBool)) return Bools(out);
  if (type == static_cast<uint32_t>(GgufType::kString)) return Strings(out);
  bool is_read = false;
  return VisitGgufNumber(type, [&](auto number) { is_read = Numbers<decltype(number)>(out); }) && is_read;
}

bool ValueDecoder::Decode(uint32_t type, MetaValue* out) {
  if (type == static_cast<uint32_t>(GgufType::kArray)) return Array(out);
  if (type == static_cast<uint32_t>(GgufType::kBool)) {
    uint8_t value = 0;
    if (!in_.Read(&value)) return false;
    *out = value != 0;
    return true;
  }
  if (type == static_cast<uint32_t>(GgufType::kString)) {
    std::string_view text;
    if (!ReadText(&in_, &text)) return false;
    *out = std::string(text);
    return true;
  }
  bool is_read = false;
  return VisitGgufNumber(type, [&](auto number) { is_read = Number<decltype(number)>(out); }) && is_read;
}

}  // namespace

void HeaderWriter::Text(std::string_view text) {
  Put(uint64_t{text.size()});
  bytes_ += text;
}

void HeaderWriter::Value(std::string_view key, uint32_t gguf_type, uint64_t offset) {
  Text(key);
  Put(gguf_type);
  Put(offset);
}

void HeaderWriter::Tensor(const HeaderTensor& tensor) {
  Text(tensor.name);
  Put(tensor.type);
  Put(static_cast<uint32_t>(tensor.shape.size()));
  for (const int64_t size : tensor.shape) Put(size);
  Put(tensor.offset);
}

bool HeaderDecoder::Values(Metadata* out) {
  uint64_t count = 0;
  if (!in_.Read(&count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view key;
    uint32_t type = 0;
    uint64_t offset = 0;
    MetaValue value;
    if (!ReadText(&in_, &key) || !in_.Read(&type) || !in_.Read(&offset)) return false;
    if (offset > file_.size() || !ValueDecoder(file_.subspan(offset)).Decode(type, &value)) return false;
    out->Set(std::string(key), std::move(value));
  }
  return true;
}

bool HeaderDecoder::TensorCount(uint64_t* out) {
  return in_.Read(out) && *out <= in_.remaining() / kMinTensorBytes;
}

bool HeaderDecoder::NextTensor(HeaderTensor* out) {
  uint32_t dims = 0;
  return ReadText(&in_, &out->name) && in_.Read(&out->type) && in_.Read(&dims) && dims <= kMaxDims &&
         in_.ReadArray<int64_t>(dims, &out->shape) && in_.Read(&out->offset);
}

const std::byte* DataAt(std::span<const std::byte> file, uint64_t offset, CheckedSize bytes) {
  const Result<size_t> end = (CheckedSize(offset) + bytes).Get("");
  return end.ok() && end.value() <= file.size() ? file.data() + offset : nullptr;
}

Result<std::string> RunEncoder(EncodeHeader encode, std::span<const std::byte> file, std::string_view name,
                               Isolation isolation) {
  if (isolation == Isolation::kNone) return encode(file, name);
  // Many times what the headers of real models take. A file that is small has no large header.
  constexpr uint64_t kMiB = uint64_t{1} << 20, kMostAnswer = 1024 * kMiB;
  const uint64_t share = std::min<uint64_t>(file.size(), kMostAnswer);
  const SandboxLimits limits{.memory_bytes = 256 * kMiB + 4 * share, .answer_bytes = kMiB + 2 * share};
  return InSandbox(ReaderOf(name), limits, [&] { return encode(file, name); });
}

Error DamagedHeader(std::string_view name) {
  return BadInput(ReaderOf(name) + " gave a wrong answer: the file is broken or hostile");
}

}  // namespace tern
