#pragma once
// How many threads this process may keep busy, and where they may run.

#include <vector>

namespace tern {

// One CPU number per physical core among the CPUs this process may run on; ascending, never empty.
std::vector<int> PhysicalCores();
// How many threads are worth starting: one per physical core, fewer where a container's CPU quota is smaller.
int DefaultThreads();

}  // namespace tern
