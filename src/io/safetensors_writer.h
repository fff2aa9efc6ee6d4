#pragma once
// SafetensorsWriter: writes a safetensors file, atomically: the header first, then the tensors' data in
// order, in pieces of any size, so that a model larger than memory can be written. Not thread-safe.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "io/safetensors.h"

namespace tern {

// What is written of a tensor before its numbers.
struct SafetensorsEntry {
  std::string name;
  RawType type = RawType::kF32;
  Shape shape;  // slowest first

  uint64_t bytes() const { return static_cast<uint64_t>(Elements(shape)) * RawTypeBytes(type); }
};

class SafetensorsWriter {
 public:
  static Result<SafetensorsWriter> Create(const std::string& path, std::span<const SafetensorsEntry> tensors);
  // The next bytes of the tensors' data; pieces need not end where tensors do.
  Status Append(std::string_view bytes);
  // An error where data is missing.
  Status Commit();

 private:
  SafetensorsWriter(AtomicFile file, std::string path, uint64_t bytes)
      : file_(std::move(file)), path_(std::move(path)), missing_(bytes) {}

  AtomicFile file_;
  std::string path_;
  uint64_t missing_;
};

}  // namespace tern
