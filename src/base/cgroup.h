#pragma once
// What this process may use of the machine, where control groups (containers, systemd) give it a part.

#include <cstddef>
#include <string>

namespace tern {

struct CgroupLimits {
  double cpus = 0;          // CPUs' worth of time; 0: no limit
  size_t memory_bytes = 0;  // 0: no limit
};

// The tightest limits of the process's own control group and those around it, of version 1 and 2. `root`
// stands before /proc and /sys: for tests.
CgroupLimits ReadCgroupLimits(const std::string& root = "");

// Bytes of memory that this process may have: the machine's, or less where a control group says so.
size_t UsableMemory();

}  // namespace tern
