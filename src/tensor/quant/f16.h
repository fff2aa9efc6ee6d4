#pragma once
// f16: IEEE binary16. 11 significant bits, largest value 65504.
#include "tensor/quant/codec.h"

namespace tern::TERN_ISA_NS {
namespace {

struct f16 {
  static constexpr size_t kWeights = 1;
  static constexpr uint32_t kGgufType = 1;
  struct [[gnu::packed]] Block {
    uint16_t x;
  };
  static void Encode(const float* x, Block& b) { b.x = F32ToF16(*x); }
  static void Decode(const Block& b, float* x) { *x = F16ToF32(b.x); }
  static constexpr float kTolerance = 1.f / 2048;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
