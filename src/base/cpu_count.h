#pragma once
// How many threads this process may keep busy, where they may run, and on what.

#include <string>
#include <vector>

namespace tern {

// One CPU number per physical core among the CPUs this process may run on; ascending, never empty.
std::vector<int> PhysicalCores();
// How many threads are worth starting: one per physical core, fewer where a container's CPU quota is smaller.
int DefaultThreads();
// As the system names it: "AMD EPYC 9654 96-Core Processor"; "unknown": it does not.
std::string CpuModel();

}  // namespace tern
