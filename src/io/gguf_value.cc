#include "io/gguf_value.h"

#include <fmt/format.h>

#include "io/gguf.h"

namespace tern {
namespace {

class ValueChecker {
 public:
  explicit ValueChecker(FieldReader* in) : in_(*in) {}
  Result<MetaValue> Check(uint32_t type);

 private:
  template <class T>
  Result<MetaValue> Number() {
    T value{};
    TERN_TRY_STATUS(in_.Read("value", &value));
    return MetaValue(static_cast<WidenedNumber<T>>(value));
  }
  Status Array();
  template <class T>
  Status Numbers() {
    uint64_t count = 0;
    TERN_TRY_STATUS(ReadLength(sizeof(T), &count));
    return in_.cursor().Skip<T>(count) ? Status() : in_.Ends("array", count * sizeof(T));
  }
  Status Bools();
  Status Strings();
  Status ReadLength(uint64_t min_bytes, uint64_t* count) {
    return in_.ReadCount("array length", min_bytes, GgufLimits::kArrayElements, count);
  }
  Status ReadBool(bool* out);

  FieldReader& in_;
};

Status ValueChecker::ReadBool(bool* out) {
  uint8_t value = 0;
  TERN_TRY_STATUS(in_.Read("value", &value));
  if (value > 1) return in_.Bad(fmt::format("bool is {}, expected 0 or 1", value));
  *out = value == 1;
  return {};
}

Status ValueChecker::Bools() {
  uint64_t count = 0;
  TERN_TRY_STATUS(ReadLength(1, &count));
  for (uint64_t i = 0; i < count; ++i) {
    bool value = false;
    TERN_TRY_STATUS(ReadBool(&value));
  }
  return {};
}

Status ValueChecker::Strings() {
  uint64_t count = 0;
  TERN_TRY_STATUS(ReadLength(sizeof(uint64_t), &count));
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view text;
    TERN_TRY_STATUS(in_.ReadString("string in array", GgufLimits::kStringBytes, &text));
  }
  return {};
}

Status ValueChecker::Array() {
  uint32_t type = 0;
  TERN_TRY_STATUS(in_.Read("array element type", &type));
  if (type == static_cast<uint32_t>(GgufType::kBool)) return Bools();
  if (type == static_cast<uint32_t>(GgufType::kString)) return Strings();
  if (type == static_cast<uint32_t>(GgufType::kArray)) {
    return in_.Bad("array of arrays, expected an array of numbers, bools or strings");
  }
  Status status;
  if (VisitGgufNumber(type, [&](auto number) { status = Numbers<decltype(number)>(); })) return status;
  return in_.Bad(fmt::format("array element type is {}, expected 0 to 12", type));
}

Result<MetaValue> ValueChecker::Check(uint32_t type) {
  if (type == static_cast<uint32_t>(GgufType::kBool)) {
    bool value = false;
    TERN_TRY_STATUS(ReadBool(&value));
    return MetaValue(value);
  }
  if (type == static_cast<uint32_t>(GgufType::kString)) {
    std::string_view text;
    TERN_TRY_STATUS(in_.ReadString("string", GgufLimits::kStringBytes, &text));
    return MetaValue(std::string());
  }
  if (type == static_cast<uint32_t>(GgufType::kArray)) {
    TERN_TRY_STATUS(Array());
    return MetaValue(std::string());
  }
  Result<MetaValue> result = MetaValue();
  if (VisitGgufNumber(type, [&](auto number) { result = Number<decltype(number)>(); })) return result;
  return in_.Bad(fmt::format("value type is {}, expected 0 to 12", type));
}

}  // namespace

Result<MetaValue> CheckGgufValue(uint32_t type, FieldReader* in) { return ValueChecker(in).Check(type); }

}  // namespace tern
