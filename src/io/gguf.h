#pragma once
// GGUF, versions 2 and 3, little-endian: one file's metadata and tensors, checked before anything is believed
// or allocated. docs/formats/gguf.md lists what is read and the limits. Shards are put together in
// checkpoint.cc.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/sandbox.h"
#include "io/checkpoint.h"

namespace tern {

// What a file may ask for. Beyond any model that exists; memory and time stay bounded all the same.
struct GgufLimits {
  static constexpr uint64_t kKeys = uint64_t{1} << 16;
  static constexpr uint64_t kTensors = uint64_t{1} << 20;
  static constexpr uint64_t kArrayElements = uint64_t{1} << 24;
  static constexpr uint64_t kStringBytes = uint64_t{1} << 26;
  static constexpr uint64_t kNameBytes = 1024;  // of a key or a tensor
  static constexpr uint32_t kDims = 4;
  static constexpr uint64_t kMinAlignment = 8;
  static constexpr uint64_t kMaxAlignment = uint64_t{1} << 20;
};

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

struct GgufFile {
  Metadata metadata;
  NamedTensors tensors;           // in file order; the data looks into the bytes that were parsed
  std::vector<uint32_t> by_name;  // positions in `tensors`, sorted by name
};

// `name` stands in front of every error. Heap: at most about eight times the header's bytes. The file is
// parsed where `isolation` says; what comes of that is checked here once more.
Result<GgufFile> ReadGguf(std::span<const std::byte> file, std::string_view name, Isolation isolation);
// In this process: for tests and fuzzers.
inline Result<GgufFile> ParseGguf(std::span<const std::byte> file, std::string_view name) {
  return ReadGguf(file, name, Isolation::kNone);
}

// What the parser made of `file` (io/header_bytes.h) as metadata and tensors within it.
Result<GgufFile> DecodeGgufHeader(std::string_view header, std::span<const std::byte> file,
                                  std::string_view name);

// Positions sorted by name; an error (without file name) where a name occurs twice.
Result<std::vector<uint32_t>> SortByName(const NamedTensors& tensors);

}  // namespace tern
