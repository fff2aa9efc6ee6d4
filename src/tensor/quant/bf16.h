#pragma once
// bf16: the upper half of an f32. Its range with 8 significant bits.
#include "tensor/quant/codec.h"

namespace tern::TERN_ISA_NS {
namespace {

struct bf16 {
  static constexpr size_t kWeights = 1;
  static constexpr uint32_t kGgufType = 30;
  struct [[gnu::packed]] Block {
    uint16_t x;
  };
  static void Encode(const float* x, Block& b) { b.x = F32ToBf16(*x); }
  static void Decode(const Block& b, float* x) { *x = Bf16ToF32(b.x); }
  static constexpr float kTolerance = 1.f / 256;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
