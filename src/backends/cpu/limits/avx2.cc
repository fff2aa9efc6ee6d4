#define TERN_ISA_NS isa_avx2
#define TERN_VECTOR_BYTES 32
#include "backends/cpu/limits/peak_loops.h"
#include "backends/cpu/limits/peak_loops_x86.h"

namespace tern {
namespace {

#define CLEAR(r) "vpxor %%ymm" r ", %%ymm" r ", %%ymm" r "\n"
// Without VNNI an 8-bit product and sum takes three instructions; 12 to 14 are scratch.
#define INT8_DOT(r)                        \
  "vpmaddubsw %%ymm15, %%ymm15, %%ymm12\n" \
  "vpmaddwd %%ymm15, %%ymm12, %%ymm12\n"   \
  "vpaddd %%ymm12, %%ymm" r ", %%ymm" r "\n"
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

const PeakLoops& PeakLoopsAvx2() { return kLoops; }

}  // namespace tern
