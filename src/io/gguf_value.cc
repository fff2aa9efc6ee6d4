#include "io/gguf_value.h"

#include <fmt/format.h>

#include <type_traits>

#include "io/gguf.h"

namespace tern {
namespace {

// What a number on disk becomes in memory.
template <class T>
using Widened = std::conditional_t<std::is_floating_point_v<T>, double,
                                   std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

class ValueReader {
 public:
  ValueReader(bool build, FieldReader* in) : build_(build), in_(*in) {}
  Result<MetaValue> Read(uint32_t type);

 private:
  template <class T>
  Result<MetaValue> Number() {
    T value{};
    TERN_TRY_STATUS(in_.Read("value", &value));
    return MetaValue(static_cast<Widened<T>>(value));
  }
  template <class T>
  Result<MetaValue> Numbers() {
    uint64_t count = 0;
    TERN_TRY_STATUS(ReadLength(sizeof(T), &count));
    std::vector<Widened<T>> values;
    const bool fits = build_ ? in_.cursor().ReadArray<T>(count, &values) : in_.cursor().Skip<T>(count);
    if (!fits) return in_.Ends("array", count * sizeof(T));
    return MetaValue(std::move(values));
  }
  Status ReadLength(uint64_t min_bytes, uint64_t* count) {
    return in_.ReadCount("array length", min_bytes, GgufLimits::kArrayElements, count);
  }
  Status ReadBool(bool* out);
  Result<MetaValue> Bools();
  Result<MetaValue> Strings();
  Result<MetaValue> Array();

  const bool build_;
  FieldReader& in_;
};

Status ValueReader::ReadBool(bool* out) {
  uint8_t value = 0;
  TERN_TRY_STATUS(in_.Read("value", &value));
  if (value > 1) return in_.Bad(fmt::format("bool is {}, expected 0 or 1", value));
  *out = value == 1;
  return {};
}

Result<MetaValue> ValueReader::Bools() {
  uint64_t count = 0;
  TERN_TRY_STATUS(ReadLength(1, &count));
  std::vector<bool> values;
  if (build_) values.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    bool value = false;
    TERN_TRY_STATUS(ReadBool(&value));
    if (build_) values.push_back(value);
  }
  return MetaValue(std::move(values));
}

Result<MetaValue> ValueReader::Strings() {
  uint64_t count = 0;
  TERN_TRY_STATUS(ReadLength(sizeof(uint64_t), &count));
  std::vector<std::string> values;
  if (build_) values.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view text;
    TERN_TRY_STATUS(in_.ReadString("string in array", GgufLimits::kStringBytes, &text));
    if (build_) values.emplace_back(text);
  }
  return MetaValue(std::move(values));
}

Result<MetaValue> ValueReader::Array() {
  uint32_t type = 0;
  TERN_TRY_STATUS(in_.Read("array element type", &type));
  switch (static_cast<GgufType>(type)) {
    case GgufType::kUint8:
      return Numbers<uint8_t>();
    case GgufType::kInt8:
      return Numbers<int8_t>();
    case GgufType::kUint16:
      return Numbers<uint16_t>();
    case GgufType::kInt16:
      return Numbers<int16_t>();
    case GgufType::kUint32:
      return Numbers<uint32_t>();
    case GgufType::kInt32:
      return Numbers<int32_t>();
    case GgufType::kUint64:
      return Numbers<uint64_t>();
    case GgufType::kInt64:
      return Numbers<int64_t>();
    case GgufType::kFloat32:
      return Numbers<float>();
    case GgufType::kFloat64:
      return Numbers<double>();
    case GgufType::kBool:
      return Bools();
    case GgufType::kString:
      return Strings();
    case GgufType::kArray:
      return in_.Bad("array of arrays, expected an array of numbers, bools or strings");
  }
  return in_.Bad(fmt::format("array element type is {}, expected 0 to 12", type));
}

Result<MetaValue> ValueReader::Read(uint32_t type) {
  switch (static_cast<GgufType>(type)) {
    case GgufType::kUint8:
      return Number<uint8_t>();
    case GgufType::kInt8:
      return Number<int8_t>();
    case GgufType::kUint16:
      return Number<uint16_t>();
    case GgufType::kInt16:
      return Number<int16_t>();
    case GgufType::kUint32:
      return Number<uint32_t>();
    case GgufType::kInt32:
      return Number<int32_t>();
    case GgufType::kUint64:
      return Number<uint64_t>();
    case GgufType::kInt64:
      return Number<int64_t>();
    case GgufType::kFloat32:
      return Number<float>();
    case GgufType::kFloat64:
      return Number<double>();
    case GgufType::kBool: {
      bool value = false;
      TERN_TRY_STATUS(ReadBool(&value));
      return MetaValue(value);
    }
    case GgufType::kString: {
      std::string_view text;
      TERN_TRY_STATUS(in_.ReadString("string", GgufLimits::kStringBytes, &text));
      return MetaValue(std::string(build_ ? text : ""));
    }
    case GgufType::kArray:
      return Array();
  }
  return in_.Bad(fmt::format("value type is {}, expected 0 to 12", type));
}

}  // namespace

Result<MetaValue> ReadGgufValue(uint32_t type, bool build, FieldReader* in) {
  return ValueReader(build, in).Read(type);
}

}  // namespace tern
