#pragma once
// f32: plain floats.
#include "tensor/quant/codec.h"

namespace tern::TERN_ISA_NS {
namespace {

struct f32 {
  static constexpr size_t kWeights = 1;
  static constexpr uint32_t kGgufType = 0;
  struct [[gnu::packed]] Block {
    float x;
  };
  static void Encode(const float* x, Block& b) { b.x = *x; }
  static void Decode(const Block& b, float* x) { *x = b.x; }
  static constexpr float kTolerance = 0;
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
