#pragma once
// Tensor types that GGUF files may hold and Tern does not read: what they are, and what to do about it.

#include <cstdint>
#include <string>

namespace tern {

// "iq4_k_r4: rows interleaved for ...; expected iq4_k: ..."; empty for a type that nobody knows.
std::string DescribeRefusedType(uint32_t gguf_type);

}  // namespace tern
