#pragma once
// q8_kv (ik_llama.cpp): an f32 scale per row, then signed bytes; made for KV caches. 8 bits per weight.
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

struct q8_kv {
  static constexpr size_t kWeights = 32;
  static constexpr uint32_t kGgufType = 151;
  struct [[gnu::packed]] RowPrefix {
    float d;
    int32_t sum;  // of the row's codes, for kernels that want it
  };
  struct [[gnu::packed]] Block {
    int8_t q[kWeights];
  };

  static void EncodePrefix(const float* x, size_t n, RowPrefix& row) {
    row.d = __builtin_fabsf(FurthestWeight(x, n)) / 127.f;
    int sum = 0;
    for (size_t i = 0; i < n; ++i) sum += NearestCode(x[i] * Inverse(row.d), -127, 127);
    row.sum = sum;
  }
  static void Encode(const float* x, const RowPrefix& row, Block& b) {
    const float inverse = Inverse(row.d);
    for (size_t i = 0; i < kWeights; ++i)
      b.q[i] = static_cast<int8_t>(NearestCode(x[i] * inverse, -127, 127));
  }
  static void Decode(const RowPrefix& row, const Block& b, float* x) {
    for (size_t i = 0; i < kWeights; ++i) x[i] = row.d * static_cast<float>(b.q[i]);
  }
  static constexpr float kTolerance = 2.f / 127;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
