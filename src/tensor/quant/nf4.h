#pragma once
// nf4 (bitsandbytes): 64 weights as 4-bit codes into a table of the normal distribution's quantiles, times
// the largest magnitude. 4.5 bits per weight. How such checkpoints lie in memory, with their very numbers. No
// other program reads it in GGUF: it is not written.
#include "tensor/quant/scale_search.h"

namespace tern::TERN_ISA_NS {
namespace {

// As bitsandbytes' files have it, in quant_map.
inline constexpr float kNormalFloat4[16] = {-1.f,
                                            -0.6961928009986877f,
                                            -0.5250730514526367f,
                                            -0.39491748809814453f,
                                            -0.28444138169288635f,
                                            -0.18477343022823334f,
                                            -0.09105003625154495f,
                                            0.f,
                                            0.07958029955625534f,
                                            0.16093020141124725f,
                                            0.24611230194568634f,
                                            0.33791524171829224f,
                                            0.44070982933044434f,
                                            0.5626170039176941f,
                                            0.7229568362236023f,
                                            1.f};

struct nf4 {
  static constexpr size_t kWeights = 64;
  static constexpr uint32_t kGgufType = 1000003;
  struct [[gnu::packed]] Block {
    float d;
    uint8_t q[kWeights / 2];  // the first of two weights in the high nibble
  };

  static void Encode(const float* x, Block& b) {
    b.d = __builtin_fabsf(FurthestWeight(x, kWeights));
    for (size_t i = 0; i < kWeights / 2; ++i) {
      b.q[i] = static_cast<uint8_t>(Nearest(x[2 * i], b.d) << 4 | Nearest(x[2 * i + 1], b.d));
    }
  }
  static void Decode(const Block& b, float* x) {
    const float d = b.d;
    for (size_t i = 0; i < kWeights / 2; ++i) {
      x[2 * i] = kNormalFloat4[b.q[i] >> 4] * d;
      x[2 * i + 1] = kNormalFloat4[b.q[i] & 15] * d;
    }
  }
  static constexpr float kTolerance = 0.16f;  // half of the widest step

 private:
  static int Nearest(float x, float d) {
    const float share = d > 0 ? x / d : 0.f;
    int code = 0;
    for (int i = 0; i < 15; ++i) code += share > 0.5f * (kNormalFloat4[i] + kNormalFloat4[i + 1]) ? 1 : 0;
    return code;
  }
};

}  // namespace
}  // namespace tern::TERN_ISA_NS
