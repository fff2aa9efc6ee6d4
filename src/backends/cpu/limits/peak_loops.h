#pragma once
// Loops that do nothing but run at one limit of the CPU. One file per ISA; plain C++ only.

#include <cstddef>
#include <cstdint>

namespace tern {

// Multiplies and adds `rounds` times, out of registers; returns the number of operations.
using ComputeLoop = double (*)(size_t rounds);
struct PeakLoops {
  ComputeLoop int8, fp32, bf16;  // bf16: null where there is no instruction
  // Reads every byte; the result depends on all of them. `bytes` is a multiple of 512.
  uint64_t (*read)(const void* data, size_t bytes);
};

const PeakLoops& PeakLoopsNone();
const PeakLoops& PeakLoopsAvx2();
const PeakLoops& PeakLoopsAvxVnni();
const PeakLoops& PeakLoopsAvx512();
const PeakLoops& PeakLoopsAvx512Bf16();

}  // namespace tern
