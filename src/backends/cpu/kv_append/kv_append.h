#pragma once
// One token's head in the number type of the KV store: the same bits as KvStore::StoreRow.

#include <cstddef>
#include <cstdint>

namespace tern {

struct KvEncoders {
  void (*f16)(const float* x, size_t n, uint16_t* out);
  void (*bf16)(const float* x, size_t n, uint16_t* out);
  // Codes of at most `most`; return the scale.
  float (*int8)(const float* x, size_t n, float most, int8_t* out);
  float (*int16)(const float* x, size_t n, float most, int16_t* out);
};
#define KERNEL(isa, name) extern const KvEncoders name;
#include "backends/cpu/kv_append/kernels.inc"
#undef KERNEL
const KvEncoders& PickKvEncoders(uint32_t have);

}  // namespace tern
