#include "base/process_usage.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace tern {
namespace {

constexpr size_t kMaxProcBytes = size_t{1} << 20;

std::string ReadOrEmpty(const std::string& path) {
  auto text = ReadFile(path, kMaxProcBytes);
  return text.ok() ? std::move(text).value() : std::string();
}

// Numbers of proc(5)'s stat, from field 3 on: the name in front of it may hold spaces and parentheses.
std::vector<std::string> FieldsBehindName(std::string_view stat) {
  std::vector<std::string> fields;
  std::string_view rest = stat.substr(std::min(stat.rfind(')') + 1, stat.size()));
  while (!rest.empty()) {
    const size_t begin = rest.find_first_not_of(" \n");
    if (begin == rest.npos) break;
    const size_t end = std::min(rest.find_first_of(" \n", begin), rest.size());
    fields.emplace_back(rest.substr(begin, end - begin));
    rest.remove_prefix(end);
  }
  return fields;
}

double Number(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

// "btime 1700000000" of /proc/stat: when the machine began.
double BootUnixSeconds(const std::string& text) {
  const size_t at = text.find("\nbtime ");
  return at == text.npos ? 0 : Number(text.substr(at + 7, 20));
}

int CountEntries(const std::string& folder) {
  std::error_code error;
  int count = 0;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

ProcessUsage ReadProcessUsage(const std::string& root) {
  ProcessUsage usage;
  const std::vector<std::string> fields = FieldsBehindName(ReadOrEmpty(root + "/proc/self/stat"));
  constexpr size_t kUser = 11, kSystem = 12, kThreads = 17, kStart = 19, kVirtual = 20, kResident = 21;
  if (fields.size() > kResident) {
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    usage.cpu_s = (Number(fields[kUser]) + Number(fields[kSystem])) / ticks;
    usage.threads = static_cast<int>(Number(fields[kThreads]));
    usage.virtual_bytes = static_cast<size_t>(Number(fields[kVirtual]));
    usage.resident_bytes =
        static_cast<size_t>(Number(fields[kResident])) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const double boot = BootUnixSeconds(ReadOrEmpty(root + "/proc/stat"));
    if (boot > 0) usage.start_unix_s = boot + Number(fields[kStart]) / ticks;
  }
  usage.open_files = CountEntries(root + "/proc/self/fd");
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    usage.most_files = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1 << 30));
  }
  return usage;
}

void GiveMemoryBack() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace tern
