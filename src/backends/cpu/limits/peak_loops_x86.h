#pragma once
// The shape of a compute loop in assembly: a compiler's register moves around intrinsics cost some machines
// half of their peak. Twelve accumulators cover the latency of two units; register 15 holds zeros, and zeros
// add up without ever becoming denormal.

#include <cstddef>
#include <cstdint>

#define TERN_TWELVE(op) \
  op("0") op("1") op("2") op("3") op("4") op("5") op("6") op("7") op("8") op("9") op("10") op("11")

// `clear` and `op` are macros from a register number to an instruction; `clear_zero` clears register 15.
#define TERN_COMPUTE_LOOP(clear, clear_zero, op, rounds)                                                  \
  do {                                                                                                    \
    size_t left = (rounds);                                                                               \
    asm volatile(TERN_TWELVE(clear) clear_zero "1:\n" TERN_TWELVE(op) TERN_TWELVE(op) "dec %0\n jnz 1b\n" \
                 : "+r"(left)                                                                             \
                 :                                                                                        \
                 : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",  \
                   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");                                 \
  } while (0)
inline constexpr size_t kInstructionsPerRound = 24;

namespace tern::TERN_ISA_NS {
namespace {

// Reads memory as fast as it comes, by vectors of TERN_VECTOR_BYTES.
uint64_t ReadLoop(const void* data, size_t bytes) {
  typedef uint64_t Vec __attribute__((vector_size(TERN_VECTOR_BYTES)));
  constexpr size_t kBytes = TERN_VECTOR_BYTES;
  constexpr size_t kChains = 8;
  const auto* p = static_cast<const Vec*>(data);
  Vec sum[kChains] = {};
  for (size_t i = 0; i < bytes / kBytes; i += kChains) {
    for (size_t line = 0; line < kChains * kBytes / 64; ++line) {
      __builtin_prefetch(reinterpret_cast<const char*>(p + i) + 4096 + 64 * line);
    }
#pragma GCC unroll 8
    for (size_t c = 0; c < kChains; ++c) sum[c] += p[i + c];
  }
  uint64_t total = 0;
  for (size_t c = 0; c < kChains; ++c) {
    for (size_t lane = 0; lane < kBytes / 8; ++lane) total += sum[c][lane];
  }
  return total;
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
