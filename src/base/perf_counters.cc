#include "base/perf_counters.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tern {

Result<PerfCounters> PerfCounters::Open() {
  PerfCounters counters;
  for (const uint64_t event :
       {PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_HW_CACHE_MISSES}) {
    perf_event_attr attr{};
    attr.size = sizeof(attr);
    attr.type = PERF_TYPE_HARDWARE;
    attr.config = event;
    attr.inherit = 1;
    attr.exclude_kernel = 1;
    attr.exclude_hv = 1;
    const long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0)
      return Error{Code::kIo, std::string("hardware counters cannot be read here: ") + std::strerror(errno)};
    counters.fds_.push_back(static_cast<int>(fd));
  }
  return counters;
}

PerfCounters::~PerfCounters() {
  for (const int fd : fds_) close(fd);
}

PerfCounts PerfCounters::Read() const {
  uint64_t counts[3] = {};
  for (size_t i = 0; i < fds_.size(); ++i) {
    if (read(fds_[i], &counts[i], sizeof(counts[i])) != sizeof(counts[i])) counts[i] = 0;
  }
  return {counts[0], counts[1], counts[2]};
}

}  // namespace tern
