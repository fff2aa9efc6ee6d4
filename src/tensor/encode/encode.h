#pragma once
// Rows of floats to a weight format, as fast as the ISA allows: the format headers of tensor/quant compiled
// once more under its flags. Every ISA gives the same bits as Format::encode.

#include <cstddef>
#include <cstdint>

#include "tensor/format.h"

namespace tern {

// Format::encode.
using EncodeRowFn = void (*)(const float* in, const float* importance, void* row, size_t n);

// The best for `isa` (base/isa.h); for a format that formats.list does not name, its own encode.
EncodeRowFn PickEncode(const Format& format, uint32_t isa);

}  // namespace tern
