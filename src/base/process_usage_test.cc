#include "base/process_usage.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tern {
namespace {

TEST(ProcessUsage, ReadsWhatLinuxWrites) {
  const std::string root = testing::TempDir() + "/process_usage";
  std::filesystem::create_directories(root + "/proc/self/fd");
  std::ofstream(root + "/proc/self/stat")
      << "42 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 7 0 1000 4096 3\n";
  std::ofstream(root + "/proc/stat") << "cpu 1 2 3\nbtime 1700000000\nprocesses 5\n";
  std::ofstream(root + "/proc/self/fd/0") << "";
  const ProcessUsage usage = ReadProcessUsage(root);
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  EXPECT_DOUBLE_EQ(usage.cpu_s, 200 / ticks);
  EXPECT_DOUBLE_EQ(usage.start_unix_s, 1700000000 + 1000 / ticks);
  EXPECT_EQ(usage.threads, 7);
  EXPECT_EQ(usage.virtual_bytes, 4096u);
  EXPECT_EQ(usage.resident_bytes, 3 * static_cast<size_t>(sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(usage.open_files, 1);
}

TEST(ProcessUsage, WhatIsNotThereIsZero) {
  const ProcessUsage usage = ReadProcessUsage("/nowhere");
  EXPECT_EQ(usage.cpu_s, 0);
  EXPECT_EQ(usage.resident_bytes, 0u);
  EXPECT_GT(usage.most_files, 0);
}

TEST(ProcessUsage, OfThisProcess) {
  const ProcessUsage usage = ReadProcessUsage();
  EXPECT_GT(usage.resident_bytes, size_t{1} << 20);
  EXPECT_GT(usage.open_files, 2);
  EXPECT_GT(usage.start_unix_s, 1.6e9);
  EXPECT_GE(usage.threads, 1);
}

}  // namespace
}  // namespace tern
