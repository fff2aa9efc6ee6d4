#define TERN_ISA_NS isa_avxvnni
#define TERN_VECTOR_BYTES 32
#include "backends/cpu/limits/peak_loops.h"
#include "backends/cpu/limits/peak_loops_x86.h"

namespace tern {
namespace {

#define CLEAR(r) "vpxor %%ymm" r ", %%ymm" r ", %%ymm" r "\n"
#define INT8_DOT(r) "%{vex%} vpdpbusd %%ymm15, %%ymm15, %%ymm" r "\n"
#define FMA(r) "vfmadd231ps %%ymm15, %%ymm15, %%ymm" r "\n"

double Int8(size_t rounds) {
  TERN_COMPUTE_LOOP(CLEAR, CLEAR("15"), INT8_DOT, rounds);
  return 64.0 * kInstructionsPerRound * static_cast<double>(rounds);
}

double Fp32(size_t rounds) {
  TERN_COMPUTE_LOOP(CLEAR, CLEAR("15"), FMA, rounds);
  return 16.0 * kInstructionsPerRound * static_cast<double>(rounds);
}

constexpr PeakLoops kLoops = {Int8, Fp32, nullptr, TERN_ISA_NS::ReadLoop};

}  // namespace

const PeakLoops& PeakLoopsAvxVnni() { return kLoops; }

}  // namespace tern
