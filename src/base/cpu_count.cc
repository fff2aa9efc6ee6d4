#include "base/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>

namespace tern {
namespace {

// The list of CPUs that share a core with `cpu`, as the kernel writes it; unique per core.
std::string Siblings(int cpu) {
  std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
  std::string line;
  if (!std::getline(file, line)) line = std::to_string(cpu);
  return line;
}

// CPUs' worth of time that the control group allows, rounded up; 0: no limit. A team larger than its quota
// is stopped by the kernel in the middle of a barrier, over and over.
int QuotaCpus() {
  double quota = 0, period = 0;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> quota >> period) {
    return static_cast<int>((quota + period - 1) / period);  // "max 100000" fails to read as a number
  }
  std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (!(quota_file >> quota) || !(period_file >> period) || quota <= 0 || period <= 0) return 0;
  return static_cast<int>((quota + period - 1) / period);
}

}  // namespace

std::vector<int> PhysicalCores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return {0};
  std::vector<int> cores;
  std::set<std::string> seen;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed) && seen.insert(Siblings(cpu)).second) cores.push_back(cpu);
  }
  if (cores.empty()) cores.push_back(0);
  return cores;
}

int DefaultThreads() {
  const int cores = static_cast<int>(PhysicalCores().size());
  const int quota = QuotaCpus();
  return quota > 0 ? std::min(cores, quota) : cores;
}

}  // namespace tern
