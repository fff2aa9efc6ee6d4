#pragma once
// One metadata value of a GGUF file: its types on disk and how they are read. Internal to src/io.

#include <cstdint>
#include <type_traits>

#include "base/result.h"
#include "io/checkpoint.h"
#include "io/field_reader.h"

namespace tern {

enum class GgufType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

// What a number on disk becomes in memory.
template <class T>
using WidenedNumber = std::conditional_t<std::is_floating_point_v<T>, double,
                                         std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

// Calls `visit` with a zero of the C++ type of a number; false where `type` is none of a number.
template <class F>
bool VisitGgufNumber(uint32_t type, F visit) {
  switch (static_cast<GgufType>(type)) {
    case GgufType::kUint8:
      return visit(uint8_t{}), true;
    case GgufType::kInt8:
      return visit(int8_t{}), true;
    case GgufType::kUint16:
      return visit(uint16_t{}), true;
    case GgufType::kInt16:
      return visit(int16_t{}), true;
    case GgufType::kUint32:
      return visit(uint32_t{}), true;
    case GgufType::kInt32:
      return visit(int32_t{}), true;
    case GgufType::kUint64:
      return visit(uint64_t{}), true;
    case GgufType::kInt64:
      return visit(int64_t{}), true;
    case GgufType::kFloat32:
      return visit(float{}), true;
    case GgufType::kFloat64:
      return visit(double{}), true;
    default:
      return false;
  }
}

// Checks the value of `type` (as found in the file) that comes next and steps over it; allocates nothing. A
// number or a bool is returned, an empty string for all else. Arrays of arrays are refused, so nothing
// recurses.
Result<MetaValue> CheckGgufValue(uint32_t type, FieldReader* in);

}  // namespace tern
