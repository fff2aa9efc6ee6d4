#pragma once
// Which vector instructions this CPU has. Kernels are picked from this once, when a plan is made.

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tern {

// Bits a kernel may require. kNone is the portable fallback. Each level names the whole set that its kernels
// use: an AVX-512 machine without VNNI runs the AVX2 kernels.
enum Isa : uint32_t {
  kNone = 0,
  kAvx2 = 1u << 0,        // AVX2, FMA, F16C
  kAvxVnni = 1u << 1,     // VEX-encoded vpdpbusd on 256 bits
  kAvx512 = 1u << 2,      // AVX-512 F, BW, VL, DQ, VNNI
  kAvx512Bf16 = 1u << 3,  // vdpbf16ps
};

// What this CPU has, masked by the environment variable TERN_ISA ("none", "avx2", "avxvnni", "avx512"; a cap:
// bits above it are dropped). What is none of these caps nothing: CheckIsaCap finds it.
uint32_t DetectIsa();
// An error where TERN_ISA is set to something else. Programs ask first, so that nobody measures what they did
// not mean to.
Status CheckIsaCap();
// Whether this CPU reaches the level that TERN_ISA names; true where it names none.
bool ReachesIsaCap();
inline bool HasIsa(uint32_t need, uint32_t have) { return (need & have) == need; }
// The best level in `have`, as TERN_ISA spells it; with BF16: "avx512+bf16".
std::string IsaName(uint32_t have);

}  // namespace tern
