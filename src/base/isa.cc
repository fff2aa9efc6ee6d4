#include "base/isa.h"

#include <cstdlib>
#include <string_view>

#if defined(__x86_64__) && !defined(TERN_PORTABLE)
#include <cpuid.h>
#endif

namespace tern {
namespace {

#if defined(__x86_64__) && !defined(TERN_PORTABLE)
// CPUID leaf 7, sub-leaf 1, EAX: bit 4 AVX-VNNI, bit 5 AVX512_BF16. GCC 12's __builtin_cpu_supports lacks the
// first.
uint32_t Leaf7Sub1() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) ? a : 0;
}
#endif

struct Cap {
  std::string_view name;
  uint32_t mask;
};
constexpr Cap kCaps[] = {{"none", kNone},
                         {"avx2", kAvx2},
                         {"avxvnni", kAvx2 | kAvxVnni},
                         {"avx512", kAvx2 | kAvxVnni | kAvx512 | kAvx512Bf16}};

std::string_view CapName() {
  const char* name = std::getenv("TERN_ISA");
  return name != nullptr ? name : "";
}

// What TERN_ISA names; null: nothing.
const Cap* FindCap() {
  for (const Cap& cap : kCaps) {
    if (cap.name == CapName()) return &cap;
  }
  return nullptr;
}

}  // namespace

uint32_t DetectIsa() {
  uint32_t have = kNone;
#if defined(__x86_64__) && !defined(TERN_PORTABLE)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) have |= kAvx2;
  const uint32_t sub1 = Leaf7Sub1();
  if ((have & kAvx2) && (sub1 & (1u << 4))) have |= kAvxVnni;
  if ((have & kAvx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vnni")) {
    have |= kAvx512;
    if (sub1 & (1u << 5)) have |= kAvx512Bf16;
  }
#endif
  const Cap* cap = FindCap();
  return cap != nullptr ? have & cap->mask : have;
}

Status CheckIsaCap() {
  if (CapName().empty() || FindCap() != nullptr) return {};
  return BadInput("TERN_ISA: \"" + std::string(CapName()) + "\", expected none, avx2, avxvnni or avx512");
}

bool ReachesIsaCap() { return IsaName(DetectIsa()).starts_with(CapName()); }

std::string IsaName(uint32_t have) {
  if (have & kAvx512) return have & kAvx512Bf16 ? "avx512+bf16" : "avx512";
  if (have & kAvxVnni) return "avxvnni";
  return have & kAvx2 ? "avx2" : "none";
}

}  // namespace tern
