#pragma once
// A weight row's blocks to floats, as fast as the ISA allows: the format headers of tensor/quant compiled
// once more under each ISA's flags. Every ISA gives the same bits as Format::decode.

#include <cstddef>
#include <cstdint>

#include "tensor/format.h"

namespace tern {

// Format::decode: out[0..n) = weights [first, first + n) of the row.
using DecodeRowFn = void (*)(const void* row, size_t first, float* out, size_t n);

// The best for `isa` (base/isa.h); for a format that formats.list does not name, its own decode.
DecodeRowFn PickDecode(const Format& format, uint32_t isa);

}  // namespace tern
