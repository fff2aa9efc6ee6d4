#pragma once
// One metadata value of a GGUF file: its types on disk and how they are read. Internal to src/io.

#include <cstdint>

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

// Reads a value of `type` (as found in the file). Without `build` strings and arrays are checked and skipped:
// nothing is allocated, and they come back empty. Arrays of arrays are refused, so nothing recurses.
Result<MetaValue> ReadGgufValue(uint32_t type, bool build, FieldReader* in);

}  // namespace tern
