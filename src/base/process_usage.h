#pragma once
// What this process takes of the machine, as Linux tells it.

#include <cstddef>
#include <string>

namespace tern {

struct ProcessUsage {
  double cpu_s = 0;         // of all threads, user and system
  double start_unix_s = 0;  // when it began
  size_t resident_bytes = 0, virtual_bytes = 0;
  int threads = 0;
  int open_files = 0, most_files = 0;
};

// What cannot be read stays 0. `root` stands before /proc: for tests.
ProcessUsage ReadProcessUsage(const std::string& root = "");

// Gives memory that was freed back to the system, where the C library kept it.
void GiveMemoryBack();

}  // namespace tern
