#pragma once
// GgufWriter: writes a GGUF version 3 file, atomically: the header first, then the tensors' data in order, in
// pieces of any size, so that a model larger than memory can be written. Refuses what ParseGguf refuses.
// Not thread-safe.
//
//   TERN_TRY(GgufWriter writer, GgufWriter::Create(path, metadata, tensors));
//   for (...) TERN_TRY_STATUS(writer.Append(bytes));
//   TERN_TRY_STATUS(writer.Commit());
//
// Types on disk: other readers insist on them, so an unsigned integer becomes u32 where it fits (else u64), a
// signed one i32 (else i64), a floating-point number f32 (f64 only beyond its range), and arrays the same by
// their widest element; kNarrowKeys in the source lists keys that are narrower by convention.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "io/checkpoint.h"
#include "io/gguf.h"

namespace tern {

struct GgufTensor {
  std::string name;
  const Format* format = nullptr;
  Shape shape;  // slowest first, 1 to 4 dimensions
};

class GgufWriter {
 public:
  // The alignment is metadata's general.alignment, else 32.
  static Result<GgufWriter> Create(const std::string& path, const Metadata& metadata,
                                   std::span<const GgufTensor> tensors);
  // The next bytes of the tensors' data, without padding; pieces need not end where tensors do.
  Status Append(std::string_view bytes);
  // An error where data is missing.
  Status Commit();

 private:
  GgufWriter(AtomicFile file, uint64_t alignment, std::vector<uint64_t> sizes);
  Status Pad();

  AtomicFile file_;
  uint64_t alignment_;
  std::vector<uint64_t> sizes_;  // bytes of each tensor
  size_t current_ = 0;           // tensor being written
  uint64_t written_ = 0;         // of it
};

Status WriteGguf(const std::string& path, const Metadata& metadata, const NamedTensors& tensors);

// The same file in memory, for tests.
Result<std::string> GgufBytes(const Metadata& metadata, const NamedTensors& tensors);

}  // namespace tern
