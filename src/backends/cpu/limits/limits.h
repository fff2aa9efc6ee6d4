#pragma once
// What this machine can do at most, measured now, by hand-written loops on all threads: the yardstick of
// every speed that is reported. Takes about a third of a second per call; other programs' load shows.

#include "base/team.h"

namespace tern {

struct MachineLimits {
  int threads = 0;        // that measured
  double read_gb_s = 0;   // memory read, from buffers beyond the last cache
  double int8_gop_s = 0;  // 8-bit products and additions, the best instruction of `isa` for them
  double fp32_gflop_s = 0;
  double bf16_gflop_s = 0;  // without an instruction for it: fp32's, as bf16 is converted in registers
};

MachineLimits MeasureLimits(Team& team, uint32_t isa);
// The same on a team of its own, with what this CPU has. 0 threads: DefaultThreads(), as of backends.
MachineLimits MeasureLimits(int threads);
// Memory read alone, in a tenth of a second and in 128 MiB. 0: the last cache holds too much of that to tell.
// 0 threads: DefaultThreads().
double MeasureReadRate(int threads);

}  // namespace tern
