#include "base/cgroup.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string_view>

namespace tern {
namespace {

// The process's group of a version 1 controller; "": of version 2. A line of /proc/self/cgroup is
// "4:memory:/a/b", or of version 2 "0::/a/b".
std::string OwnGroup(const std::string& root, std::string_view controller) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool found = controller.empty() ? line.starts_with("0::")
                                          : names.find("," + std::string(controller) + ",") != names.npos;
    if (found) return line.substr(second + 1);
  }
  return "/";
}

// read(folder) for a group's folder under `mount` and every one around it. In a container the group may be
// named as the host sees it: only the mount itself is there then.
template <class Read>
void EachGroup(const std::string& mount, std::string group, Read read) {
  while (group.ends_with('/')) group.pop_back();
  while (true) {
    read(mount + group + "/");
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos) return;
    group.resize(slash);
  }
}

std::optional<double> ReadNumber(std::ifstream&& file) {
  double value = 0;
  if (file >> value && value > 0) return value;  // "max" and -1, no limit, are none
  return std::nullopt;
}

template <class T>
void Tighten(T* limit, T value) {
  if (value > 0 && (*limit == 0 || value < *limit)) *limit = value;
}

// Version 1 spells "no limit" as nearly 2^63.
void TightenMemory(size_t* limit, std::optional<double> bytes) {
  if (bytes && *bytes < 0x1p62) Tighten(limit, static_cast<size_t>(*bytes));
}

}  // namespace

CgroupLimits ReadCgroupLimits(const std::string& root) {
  CgroupLimits limits;
  const std::string mount = root + "/sys/fs/cgroup";
  EachGroup(mount, OwnGroup(root, ""), [&](const std::string& folder) {
    double quota = 0, period = 0;
    if (std::ifstream file(folder + "cpu.max"); file >> quota >> period && period > 0) {
      Tighten(&limits.cpus, quota / period);
    }
    TightenMemory(&limits.memory_bytes, ReadNumber(std::ifstream(folder + "memory.max")));
  });
  EachGroup(mount + "/cpu", OwnGroup(root, "cpu"), [&](const std::string& folder) {
    const auto quota = ReadNumber(std::ifstream(folder + "cpu.cfs_quota_us"));
    const auto period = ReadNumber(std::ifstream(folder + "cpu.cfs_period_us"));
    if (quota && period) Tighten(&limits.cpus, *quota / *period);
  });
  EachGroup(mount + "/memory", OwnGroup(root, "memory"), [&](const std::string& folder) {
    TightenMemory(&limits.memory_bytes, ReadNumber(std::ifstream(folder + "memory.limit_in_bytes")));
  });
  return limits;
}

size_t UsableMemory() {
  const size_t machine =
      static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGE_SIZE));
  const size_t group = ReadCgroupLimits().memory_bytes;
  return group > 0 ? std::min(machine, group) : machine;
}

}  // namespace tern
