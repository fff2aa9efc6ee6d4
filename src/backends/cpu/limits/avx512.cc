#define TERN_ISA_NS isa_avx512
#define TERN_VECTOR_BYTES 64
#include "backends/cpu/limits/peak_loops.h"
#include "backends/cpu/limits/peak_loops_x86.h"

namespace tern {
namespace {

#define CLEAR(r) "vpxord %%zmm" r ", %%zmm" r ", %%zmm" r "\n"
#define INT8_DOT(r) "vpdpbusd %%zmm15, %%zmm15, %%zmm" r "\n"
#define FMA(r) "vfmadd231ps %%zmm15, %%zmm15, %%zmm" r "\n"

double Int8(size_t rounds) {
  TERN_COMPUTE_LOOP(CLEAR, CLEAR("15"), INT8_DOT, rounds);
  return 128.0 * kInstructionsPerRound * static_cast<double>(rounds);
}

double Fp32(size_t rounds) {
  TERN_COMPUTE_LOOP(CLEAR, CLEAR("15"), FMA, rounds);
  return 32.0 * kInstructionsPerRound * static_cast<double>(rounds);
}

constexpr PeakLoops kLoops = {Int8, Fp32, nullptr, TERN_ISA_NS::ReadLoop};

}  // namespace

const PeakLoops& PeakLoopsAvx512() { return kLoops; }

}  // namespace tern
