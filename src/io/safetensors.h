#pragma once
// safetensors: one file's tensors, checked before anything is believed. The rules of the format are enforced:
// the header is at most 100 MB of JSON, every tensor's bytes are what its type and shape say, and the tensors
// cover the rest of the file without overlap and without holes.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/sandbox.h"
#include "tensor/tensor.h"

namespace tern {

enum class RawType : uint8_t {
  kBool,
  kU8,
  kI8,
  kF8E4M3,
  kF8E5M2,
  kF8E8M0,
  kI16,
  kU16,
  kF16,
  kBf16,
  kI32,
  kU32,
  kF32,
  kI64,
  kU64,
  kF64
};
std::string_view RawTypeName(RawType type);  // as safetensors spells it: "BF16"
size_t RawTypeBytes(RawType type);

// A tensor as a checkpoint of Hugging Face stores it, before it is known what its numbers mean.
struct RawTensor {
  RawType type = RawType::kF32;
  Shape shape;  // slowest first
  const void* data = nullptr;

  size_t bytes() const { return static_cast<size_t>(Elements(shape)) * RawTypeBytes(type); }
};
using NamedRawTensors = std::vector<std::pair<std::string, RawTensor>>;

// `name` stands in front of every error. In file order; the data looks into `file`. Parsed in this process.
Result<NamedRawTensors> ParseSafetensors(std::span<const std::byte> file, std::string_view name);
// The same, parsed where `isolation` says.
Result<NamedRawTensors> ReadSafetensors(std::span<const std::byte> file, std::string_view name,
                                        Isolation isolation);

}  // namespace tern
