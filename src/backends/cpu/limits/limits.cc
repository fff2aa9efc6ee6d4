#include "backends/cpu/limits/limits.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "backends/cpu/limits/peak_loops.h"
#include "base/cpu_count.h"
#include "base/isa.h"
#include "tensor/tensor.h"

namespace tern {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const PeakLoops& PickLoops(uint32_t isa) {
#if defined(__x86_64__) && !defined(TERN_PORTABLE)
  if (HasIsa(kAvx512Bf16, isa)) return PeakLoopsAvx512Bf16();
  if (HasIsa(kAvx512, isa)) return PeakLoopsAvx512();
  if (HasIsa(kAvxVnni, isa)) return PeakLoopsAvxVnni();
  if (HasIsa(kAvx2, isa)) return PeakLoopsAvx2();
#endif
  (void)isa;
  return PeakLoopsNone();
}

// Work per second of all threads, the best of several tries: what disturbs a try only makes it slower.
// work(thread) returns what it did.
template <class Work>
double BestRate(Team& team, int tries, Work work) {
  std::vector<double> done(static_cast<size_t>(team.threads()));
  double best = 0;
  for (int i = 0; i < tries; ++i) {
    const Clock::time_point start = Clock::now();
    team.Run([&](int thread) { done[static_cast<size_t>(thread)] = work(thread); });
    const double seconds = SecondsSince(start);
    double total = 0;
    for (const double d : done) total += d;
    best = std::max(best, total / seconds);
  }
  return best;
}

double ComputeRate(Team& team, ComputeLoop loop) {
  // Rounds for about 5 ms: long against a barrier, short against the machine's disturbances.
  size_t rounds = 1000;
  for (double seconds = 0; seconds < 1e-3; rounds *= 2) {
    const Clock::time_point start = Clock::now();
    loop(rounds);
    seconds = SecondsSince(start);
  }
  return BestRate(team, 8, [&](int) { return loop(rounds * 2); });
}

constexpr size_t kLeastRead = size_t{128} << 20, kMostRead = size_t{1} << 30;

// All last caches that this process's CPUs have. The kernel's word, not sysconf's: that counts the caches of
// CPUs which a virtual machine does not have.
size_t LastCacheBytes() {
  size_t bytes = 0;
  std::set<std::string> seen;
  for (const int cpu : PhysicalCores()) {
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu{}/cache/index3/", cpu);
    std::ifstream size(folder + "size"), cpus(folder + "shared_cpu_list");
    size_t kib = 0;
    std::string sharers;
    if (size >> kib && cpus >> sharers && seen.insert(sharers).second) bytes += kib << 10;
  }
  return bytes > 0 ? bytes : static_cast<size_t>(std::max(sysconf(_SC_LEVEL3_CACHE_SIZE), 0L));
}

double ReadRate(Team& team, const PeakLoops& loops, size_t total) {
  const size_t share = total / static_cast<size_t>(team.threads()) / 4096 * 4096;
  std::vector<Buffer> buffers(static_cast<size_t>(team.threads()));
  for (Buffer& buffer : buffers) buffer = Buffer(share);  // may throw, which a team's work must not
  // Written before it is read: pages that were never touched all read from one page of zeros.
  team.Run([&](int thread) {
    auto* bytes = static_cast<unsigned char*>(buffers[static_cast<size_t>(thread)].data());
    for (size_t i = 0; i < share; i += 64) bytes[i] = static_cast<unsigned char>(i >> 6);
  });
  std::vector<uint64_t> sums(buffers.size());
  return BestRate(team, 6, [&](int thread) {
    const auto t = static_cast<size_t>(thread);
    sums[t] += loops.read(buffers[t].data(), share);
    return static_cast<double>(share);
  });
}

}  // namespace

MachineLimits MeasureLimits(Team& team, uint32_t isa) {
  const PeakLoops& loops = PickLoops(isa);
  MachineLimits limits{.threads = team.threads()};
  limits.read_gb_s = ReadRate(team, loops, std::clamp(4 * LastCacheBytes(), kLeastRead, kMostRead)) / 1e9;
  limits.int8_gop_s = ComputeRate(team, loops.int8) / 1e9;
  limits.fp32_gflop_s = ComputeRate(team, loops.fp32) / 1e9;
  limits.bf16_gflop_s = loops.bf16 == nullptr ? limits.fp32_gflop_s : ComputeRate(team, loops.bf16) / 1e9;
  return limits;
}

MachineLimits MeasureLimits(int threads) {
  Team team(threads > 0 ? threads : DefaultThreads());
  return MeasureLimits(team, DetectIsa());
}

double MeasureReadRate(int threads) {
  if (2 * LastCacheBytes() > kLeastRead) return 0;
  Team team(threads > 0 ? threads : DefaultThreads());
  return ReadRate(team, PickLoops(DetectIsa()), kLeastRead) / 1e9;
}

}  // namespace tern
