#include "base/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <string>

#include "base/cgroup.h"

namespace tern {
namespace {

// The list of CPUs that share a core with `cpu`, as the kernel writes it; unique per core.
std::string Siblings(int cpu) {
  std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
  std::string line;
  if (!std::getline(file, line)) line = std::to_string(cpu);
  return line;
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

std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t value = line.find(": ");
    if (line.starts_with("model name") && value != std::string::npos) return line.substr(value + 2);
  }
  return "unknown";
}

int DefaultThreads() {
  const int cores = static_cast<int>(PhysicalCores().size());
  // A team larger than its quota is stopped by the kernel in the middle of a barrier, over and over.
  const double quota = ReadCgroupLimits().cpus;
  return quota > 0 ? std::min(cores, static_cast<int>(std::ceil(std::min(quota, 1e6)))) : cores;
}

}  // namespace tern
