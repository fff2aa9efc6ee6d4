#pragma once
// The tables that decode.cc picks from, in the order of formats.list. Plain C types: ISA files include this.

#include <cstddef>

namespace tern {

using DecodeRowFn = void (*)(const void* row, size_t first, float* out, size_t n);

namespace isa_avx2 {
extern const DecodeRowFn kDecodeRows[];
}
namespace isa_avx512 {
extern const DecodeRowFn kDecodeRows[];
}

}  // namespace tern
