#include "models/hf/logical_tensors.h"

#include <fmt/format.h>

#include <cstring>

namespace tern {
namespace {

const Format* PlainFormat(RawType type) {
  if (type == RawType::kF32) return FindFormat("f32");
  if (type == RawType::kF16) return FindFormat("f16");
  if (type == RawType::kBf16) return FindFormat("bf16");
  return nullptr;
}

// Kernels read floats where they lie: a file may hold them at odd addresses.
const void* Aligned(const RawTensor& raw, std::vector<Buffer>* buffers) {
  if (reinterpret_cast<uintptr_t>(raw.data) % RawTypeBytes(raw.type) == 0) return raw.data;
  Buffer& copy = buffers->emplace_back(raw.bytes());
  std::memcpy(copy.data(), raw.data, raw.bytes());
  return copy.data();
}

}  // namespace

Result<NamedTensors> LogicalTensors(const HfFolder& folder, std::vector<Buffer>* buffers) {
  NamedTensors out;
  for (const auto& [name, raw] : folder.tensors()) {
    const Format* format = PlainFormat(raw.type);
    // Counters and masks are no weights; a weight of such a type is missed by its name later.
    if (format == nullptr && !name.ends_with(".weight")) continue;
    if (format == nullptr) {
      return Unsupported(fmt::format("{}: {}, supported: F32, F16, BF16", name, RawTypeName(raw.type)));
    }
    Shape shape = raw.shape.empty() ? Shape{1} : raw.shape;
    out.emplace_back(name, Tensor{format, std::move(shape), Aligned(raw, buffers)});
  }
  return out;
}

}  // namespace tern
