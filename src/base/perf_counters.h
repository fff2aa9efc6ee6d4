#pragma once
// PerfCounters: cycles, instructions and last-level cache misses of this process, in user mode, as the CPU
// counts them. Threads that are started later count, too; those that run already do not, but for the caller.
// Many virtual machines and containers let nobody read them.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tern {

struct PerfCounts {
  uint64_t cycles = 0, instructions = 0, cache_misses = 0;
};

class PerfCounters {
 public:
  // The error says what the system said.
  static Result<PerfCounters> Open();
  PerfCounters(PerfCounters&& other) noexcept : fds_(std::move(other.fds_)) { other.fds_.clear(); }
  PerfCounters& operator=(PerfCounters&&) = delete;
  ~PerfCounters();

  PerfCounts Read() const;  // since Open

 private:
  PerfCounters() = default;
  std::vector<int> fds_;
};

}  // namespace tern
